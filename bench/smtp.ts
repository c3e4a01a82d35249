/**
 * What the gate costs a submission: messages per second, and per CPU second, through Haraka with the gate and
 * without it. Both run side by side and the load goes to one and to the other in turns, so that whatever else
 * the machine does falls on both. Two processes of the very same program differ by some percent for as long
 * as they live, so both are started anew several times.
 */
import { setTimeout } from 'node:timers/promises'

import { Dialogue } from '../test/support/dialogue'
import { HarakaSite } from '../test/support/haraka-site'
import { untilListening } from '../test/support/ports'
import { median, printFigure, quantile, significant } from './figure'
import { cpuSeconds } from './support/process-usage'

const STARTS = 8
const WARM_UP_ROUNDS = 3
const ROUNDS = 6
/** Enough of them that Haraka always has a command to answer. */
const CONNECTIONS = 32
const MESSAGES_EACH = 40
const MESSAGES = CONNECTIONS * MESSAGES_EACH
const IDLE_S = 5
const PASSWORD = 'secret'

/** Nobody here speaks IMAP: any port will do. */
const NO_UPSTREAM = 9

/** A mandate in force that names another finding: the gate has to look, and lets pass. */
const POLICY = `mode: enforce
unknown: block
mandates:
  - id: forbidden-app
    finding: "app:com.example.forbidden"
    platforms: [ios]
    warn_from: 2020-07-06T00:00:00Z
    deadline: 2020-07-10T23:59:00Z
    message: Remove the app
`

/** A short letter: 8 kB. */
const body = `Subject: bench\r\n\r\n${`${'x'.repeat(76)}\r\n`.repeat(100)}.\r\n`
const users = Array.from({ length: CONNECTIONS }, (_, i) => `user${i}@example.com`)

interface Site {
  readonly haraka: HarakaSite
  readonly withGate: boolean
  /** What each connection logs in as. */
  readonly names: readonly string[]
}

async function createSite(withGate: boolean): Promise<Site> {
  const haraka = await HarakaSite.create({
    policy: POLICY,
    upstreamPort: NO_UPSTREAM,
    users: Object.fromEntries(users.map((user) => [user, PASSWORD])),
    plugins: [...(withGate ? ['device_gate'] : []), 'auth/flat_file', 'queue/discard'],
    // Haraka's own log would be a good part of the work of both.
    files: { loglevel: 'warn\n' },
  })
  if (!withGate) return { haraka, withGate, names: users }
  await haraka.run('tag', 'rotate')
  for (const [i, user] of users.entries()) await haraka.run('device', 'put', phone(user, i))
  const names = await Promise.all(users.map((user, i) => haraka.tag(user, `phone-${i}`)))
  return { haraka, withGate, names }
}

async function start({ haraka, withGate }: Site): Promise<void> {
  if (withGate) return haraka.start()
  haraka.spawn()
  await untilListening(haraka.smtpPort, () => haraka.haraka.output)
}

const phone = (user: string, i: number): string =>
  JSON.stringify({
    id: `phone-${i}`,
    owners: [user],
    platform: 'ios',
    state: 'compliant',
    findings: ['app:com.example.other'],
    evidence_at: new Date().toISOString(),
    source: 'mdm',
    version: 1,
  })

interface Turn {
  readonly messagesPerS: number
  readonly cpuS: number
}

/** One turn of the load: every connection logs in and submits its messages, one after the other. */
async function turn({ haraka, names }: Site): Promise<Turn> {
  const pid = haraka.haraka.child.pid ?? 0
  const cpuBefore = cpuSeconds(pid)
  const started = performance.now()
  await Promise.all(names.map((name) => submit(haraka.smtpPort, name)))
  const seconds = (performance.now() - started) / 1000
  return { messagesPerS: MESSAGES / seconds, cpuS: cpuSeconds(pid) - cpuBefore }
}

async function submit(port: number, name: string): Promise<void> {
  const smtp = await Dialogue.connect(port)
  await smtp.until(/^220 /)
  await smtp.ask('EHLO bench.example', /^250 /)
  await smtp.ask(`AUTH PLAIN ${Buffer.from(`\0${name}\0${PASSWORD}`).toString('base64')}`, /^235 /)
  for (let i = 0; i < MESSAGES_EACH; i += 1) {
    await smtp.ask('MAIL FROM:<sender@example.com>', /^250 /)
    await smtp.ask('RCPT TO:<recipient@example.net>', /^250 /)
    await smtp.ask('DATA', /^354 /)
    smtp.send(body)
    await smtp.until(/^250 /)
  }
  await smtp.ask('QUIT', /^221 /)
  smtp.close()
}

interface Pair {
  readonly gated: Turn
  readonly bare: Turn
}

/** From one start of both. */
async function measure(gated: Site, bare: Site): Promise<Pair[]> {
  await Promise.all([start(gated), start(bare)])
  const pairs: Pair[] = []
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round += 1) {
    const [first, second] = round % 2 === 0 ? [gated, bare] : [bare, gated]
    const turns = new Map([
      [first, await turn(first)],
      [second, await turn(second)],
    ])
    if (round >= 0) pairs.push({ gated: turns.get(gated)!, bare: turns.get(bare)! })
  }
  await Promise.all([gated.haraka.stop(), bare.haraka.stop()])
  return pairs
}

function report(pairs: readonly Pair[]): void {
  const spread = (ratios: readonly number[]): Record<string, number> => ({
    p10: significant(quantile(ratios, 0.1)),
    p90: significant(quantile(ratios, 0.9)),
    rounds: pairs.length,
    starts: STARTS,
  })
  const rates = pairs.map(({ gated, bare }) => gated.messagesPerS / bare.messagesPerS)
  printFigure({
    bench: 'smtp',
    figure: 'messages per second, with the gate / without it',
    value: median(rates),
    unit: 'ratio',
    target: { atLeast: 0.98 },
    context: {
      ...spread(rates),
      with: significant(median(pairs.map(({ gated }) => gated.messagesPerS))),
      without: significant(median(pairs.map(({ bare }) => bare.messagesPerS))),
    },
  })
  const perCpuSecond = pairs.map(({ gated, bare }) => bare.cpuS / gated.cpuS)
  printFigure({
    bench: 'smtp',
    figure: 'messages per CPU second of Haraka, with the gate / without it',
    value: median(perCpuSecond),
    unit: 'ratio',
    context: {
      ...spread(perCpuSecond),
      with_cpu_s_per_1000: significant((median(pairs.map(({ gated }) => gated.cpuS)) / MESSAGES) * 1000),
      without_cpu_s_per_1000: significant((median(pairs.map(({ bare }) => bare.cpuS)) / MESSAGES) * 1000),
    },
  })
}

/** What a process costs that nobody sends mail to: it looks at store, journal and config all the same. */
async function reportIdle(sites: readonly Site[]): Promise<void> {
  for (const site of sites) {
    await start(site)
    // What it does at its start is over by then.
    await setTimeout(IDLE_S * 1000)
    const pid = site.haraka.haraka.child.pid ?? 0
    const before = cpuSeconds(pid)
    await setTimeout(IDLE_S * 1000)
    printFigure({
      bench: 'smtp',
      figure: `CPU of an idle Haraka, ${site.withGate ? 'with the gate' : 'without it'}`,
      value: ((cpuSeconds(pid) - before) * 1000) / IDLE_S,
      unit: 'ms/s',
    })
    await site.haraka.stop()
  }
}

async function main(): Promise<void> {
  const sites: Site[] = []
  try {
    for (const withGate of [true, false]) sites.push(await createSite(withGate))
    const [gated, bare] = sites as [Site, Site]
    const pairs: Pair[] = []
    for (let i = 0; i < STARTS; i += 1) pairs.push(...(await measure(gated, bare)))
    report(pairs)
    await reportIdle(sites)
  } finally {
    for (const { haraka } of sites) await haraka.remove()
  }
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})
