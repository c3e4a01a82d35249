/**
 * What feeds cost and how fast they are: a sweep of 100,000 devices in pages of 1,000, and the same again when nothing
 * changed; how soon a CAEP event is decided by in every worker of a real Haraka; and 1,000 events a second for a minute,
 * with a kill -9 of the master in the middle, after which each is looked for.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

import { LmdbStore } from '../src/devices/lmdb-store'
import { Pusher } from '../test/feeds/caep/pusher'
import { COMPLIANCE } from '../test/feeds/caep/transmitter'
import { FeedSite, MDM, pageOf } from '../test/feeds/feed-site'
import { CaepSite, PASSWORD, USER } from '../test/support/caep-site'
import { WorkerProbe } from '../test/support/worker-probe'
import { printFigure, printLatency, quantile } from './figure'
import { deviceOf } from './support/sample-devices'

const BENCH = 'feeds'
const DEVICES = 100_000
const PAGE = 1000
const MIB = 1024 * 1024
/** What the sweep may take for itself: a page, what is known of 100,000 ids (8 MB), and slack for the heap. */
const MAX_GROWTH_MIB = 96
const SWEEP = '--sweep'

const DECISIONS = 200
const MAX_PAUSE_MS = 25

const RATE = 1000
const SECONDS = 60
const PHONES = 5000
const CONNECTIONS = 64

/** In a process of its own, so that its memory is its own. */
async function sweep(): Promise<void> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'device-gate-bench-'))
  const site = new FeedSite(dir)
  // What is left of loading the code is not the sweep's.
  globalThis.gc?.()
  const before = ownMemory()
  let peak = before
  const pages = function* () {
    for (let from = 0; from < DEVICES; from += PAGE) {
      peak = Math.max(peak, ownMemory())
      yield pageOf(Array.from({ length: PAGE }, (_, i) => ({ ...deviceOf(from + i), source: MDM })))
    }
  }
  for (const name of ['first', 'unchanged']) {
    const sequence = site.store.sequence()
    const octets = written()
    const start = performance.now()
    const { applied, unchanged } = await site.sweep(pages())
    const seconds = (performance.now() - start) / 1000
    const context = { applied, unchanged, changes: site.store.sequence() - sequence }
    printFigure({
      bench: BENCH,
      figure: `sweep, ${name}`,
      value: DEVICES / seconds,
      unit: 'devices/s',
      context,
    })
    printFigure({
      bench: BENCH,
      figure: `written to disk, ${name} sweep`,
      value: (written() - octets) / 1024,
      unit: 'KiB',
      ...(name === 'unchanged' && { target: { atMost: 64 } }),
    })
  }
  printFigure({
    bench: BENCH,
    figure: `own memory, both sweeps of ${DEVICES} devices`,
    value: (peak - before) / MIB,
    unit: 'MiB',
    target: { atMost: MAX_GROWTH_MIB },
  })
  await site.close()
  fs.rmSync(dir, { recursive: true })
}

const ownMemory = (): number =>
  Number(/^RssAnon:\s+(\d+) kB$/m.exec(fs.readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024

/** Octets that this process has written to files. */
const written = (): number =>
  Number(/^write_bytes: (\d+)$/m.exec(fs.readFileSync('/proc/self/io', 'utf8'))?.[1])

/** From the push of an event until the last worker decides by it. */
async function decisions(site: CaepSite): Promise<void> {
  const login = { user: await site.haraka.tag(USER, 'phone-0'), pass: PASSWORD }
  const probes = await WorkerProbe.inEach(site.haraka, login)
  const pusher = new Pusher(() => site.url, 1)
  const liveMs: number[] = []
  for (let i = 0; i < DECISIONS; i += 1) {
    const isGood = i % 2 === 1
    const set = await site.transmitter.change('phone-0', isGood ? 'compliant' : 'not-compliant', {
      events: { [COMPLIANCE]: statusOf(isGood, Date.now()) },
    })
    await new Promise((resolve) => setTimeout(resolve, Math.random() * MAX_PAUSE_MS))
    const start = performance.now()
    const decided = async (probe: WorkerProbe): Promise<void> => {
      while ((await probe.mail()) !== (isGood ? '250' : '550'));
    }
    await Promise.all([pusher.push(set), ...probes.map(decided)])
    liveMs.push(performance.now() - start)
  }
  const context = { events: DECISIONS, workers: probes.length, max_ms: Math.round(Math.max(...liveMs)) }
  const figure = 'a CAEP event, pushed to decided in every worker'
  printLatency({ bench: BENCH, figure, unit: 'ms', target: { atMost: 100 }, context }, liveMs)
  for (const probe of probes) probe.close()
  pusher.close()
}

const statusOf = (isGood: boolean, at: number): object => ({
  previous_status: isGood ? 'not-compliant' : 'compliant',
  current_status: isGood ? 'compliant' : 'not-compliant',
  event_timestamp: at / 1000,
})

/** Sent by the clock, whatever becomes of those before; in the middle the master is killed and started again. */
async function storm(site: CaepSite): Promise<void> {
  const begin = Date.now() - 3_600_000
  const expected = new Map<string, string>()
  const sets: string[] = []
  for (let i = 0; i < RATE * SECONDS; i += 1) {
    const id = `phone-${i % PHONES}`
    const isGood = Math.floor(i / PHONES) % 2 === 1
    sets.push(
      await site.transmitter.change(id, 'compliant', {
        events: { [COMPLIANCE]: statusOf(isGood, begin + i) },
      }),
    )
    expected.set(id, isGood ? 'compliant' : 'noncompliant')
  }
  const pusher = new Pusher(() => site.url, CONNECTIONS)
  const ackMs = new Float64Array(sets.length)
  const pushes: Promise<void>[] = []
  let again = 0
  let restart: Promise<void> | undefined
  const start = performance.now()
  for (let sent = 0; sent < sets.length;) {
    const due = Math.min(sets.length, Math.floor(((performance.now() - start) / 1000) * RATE))
    for (; sent < due; sent += 1) {
      const index = sent
      pushes.push(
        pusher.push(sets[index] ?? '').then(({ ms, tries }) => {
          ackMs[index] = ms
          if (tries > 1) again += 1
        }),
      )
    }
    if (sent >= sets.length / 2) restart ??= site.killMaster().then(() => site.startHaraka())
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const offeredS = (performance.now() - start) / 1000
  await restart
  await Promise.all(pushes)
  const tookS = (performance.now() - start) / 1000
  await site.haraka.stop()
  const store = LmdbStore.open(path.join(site.haraka.dir, 'var'))
  const lost = [...expected].filter(([id, state]) => store.device(id)?.state !== state).length
  await store.close()
  pusher.close()
  const context = { events: sets.length, 'sent again': again, 'offered in s': Math.round(offeredS) }
  printFigure({
    bench: BENCH,
    figure: 'events answered 202, over a kill -9 of the master',
    value: sets.length / tookS,
    unit: 'events/s',
    target: { atLeast: 0.95 * RATE },
    context,
  })
  printFigure({
    bench: BENCH,
    figure: 'acknowledged in the first half, p99',
    value: quantile(ackMs.subarray(RATE, sets.length / 2 - 2 * RATE), 0.99),
    unit: 'ms',
  })
  printFigure({
    bench: BENCH,
    figure: 'devices in a wrong state',
    value: lost,
    unit: 'devices',
    target: { atMost: 0 },
  })
}

async function main(): Promise<void> {
  const child = fork(__filename, [SWEEP], { execArgv: ['--expose-gc', '-r', 'tsx/cjs'] })
  const [code] = (await once(child, 'close')) as [number]
  if (code !== 0) process.exitCode = 1
  const phones = Array.from({ length: PHONES }, (_, i) => `phone-${i}`)
  const site = await CaepSite.start(phones, 1_000_000)
  try {
    await decisions(site)
    await storm(site)
  } finally {
    await site.remove()
  }
}

void (process.argv[2] === SWEEP ? sweep() : main())
