/**
 * An order that was sent in error: two hosts of a fleet, real Haraka with two workers each, on one redis-server;
 * 100,000 phones that the order's mandate blocks, and 5,000 of them with an open IMAP session.
 *
 * The recall: from the start of the process `device-gate recall` until the last of the four workers decides the
 * old way, while the order's sessions are being ended. The revocation: how evenly the sessions are ended over
 * `revoke_spread_s`, while their clients fetch large messages and compare every octet; none may be cut within a
 * response. Clients and mail server are processes of their own.
 */
import { WorkerProbe } from '../test/support/worker-probe'
import { printFigure, printLatency } from './figure'
import { byTenth, deviation } from './support/evenness'
import { startMandateFleet, type MandateFleet } from './support/mandate-fleet'
import type { EndedSession, SyncReport, SyncTask } from './support/sync-client'

const BENCH = 'recall'
const PHONES = 100_000
const SESSIONS = 5000
const RECALLS = 60
const REVOCATIONS = 3
/** `imap.revoke_spread_s`, unless set. */
const SPREAD_MS = 10_000
const ASK_EVERY_MS = 10
/** So that recalls keep step with nothing. */
const MAX_PAUSE_MS = 1000
/** Until the sessions fetch as evenly as they go on. */
const SETTLE_MS = 15_000
const LOOK_MS = 500
const MAX_REVOCATION_MS = SPREAD_MS + 60_000
/** The sessions are decided anew within so long. */
const DECIDED_MS = 2000

async function main(): Promise<void> {
  const fleet = await startMandateFleet(PHONES, SESSIONS)
  try {
    const probes: WorkerProbe[] = []
    for (const site of fleet.sites) probes.push(...(await WorkerProbe.inEach(site, fleet.probe)))
    await measureRecalls(fleet, probes)
    await ofAll(fleet, { kind: 'fetch' })
    const rounds: Revocation[] = []
    for (let i = 0; i < REVOCATIONS; i += 1) rounds.push(await revoke(fleet, probes))
    printRevocations(rounds)
    for (const probe of probes) probe.close()
  } finally {
    await fleet.remove()
  }
}

async function ofAll({ clients }: MandateFleet, task: SyncTask): Promise<SyncReport> {
  const reports = await Promise.all(clients.map((client) => client.run(task)))
  return {
    open: reports.reduce((sum, { open }) => sum + open, 0),
    ended: reports.flatMap(({ ended }) => ended),
    checkedOctets: reports.reduce((sum, { checkedOctets }) => sum + checkedOctets, 0),
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const untilReply = (probes: readonly WorkerProbe[], reply: string): Promise<unknown> =>
  Promise.all(
    probes.map(async (probe) => {
      while ((await probe.mail()) !== reply) await pause(ASK_EVERY_MS)
    }),
  )

async function measureRecalls(fleet: MandateFleet, probes: readonly WorkerProbe[]): Promise<void> {
  const fromStart: number[] = []
  const fromWrite: number[] = []
  let sessions = Infinity
  for (let round = 0; round < RECALLS; round += 1) {
    await ofAll(fleet, { kind: 'open' })
    await fleet.block()
    await untilReply(probes, '550')
    await pause(Math.random() * MAX_PAUSE_MS)
    sessions = Math.min(sessions, (await ofAll(fleet, { kind: 'ended' })).open)
    const start = performance.now()
    const proof = fleet.recall(round)
    await untilReply(probes, '250')
    fromStart.push(performance.now() - start)
    fromWrite.push(Math.max(...(await proof)))
  }
  const context = { recalls: RECALLS, devices: PHONES, sessions, max_ms: Math.round(Math.max(...fromStart)) }
  const about = { bench: BENCH, unit: 'ms', context }
  const figure = 'a recall, from the start of its process to the last worker of two hosts'
  printLatency({ ...about, figure, target: { atMost: 1000 } }, fromStart)
  const own = 'a recall, from its write to the last host, as it says itself'
  printLatency({ ...about, figure: own }, fromWrite)
}

interface Revocation {
  readonly ended: readonly EndedSession[]
  readonly left: number
  /** The slowest answer to an SMTP client while the sessions are decided anew, and just before. */
  readonly slowestMs: number
  readonly slowestBeforeMs: number
  /** How long those waited for the end of a literal that were within one when their end was decided. */
  readonly waitedMs: readonly number[]
  readonly checkedOctets: number
}

async function revoke(fleet: MandateFleet, probes: readonly WorkerProbe[]): Promise<Revocation> {
  await ofAll(fleet, { kind: 'open' })
  await pause(SETTLE_MS)
  const slowestBeforeMs = await slowestAnswer(probes, pause(DECIDED_MS))
  await ofAll(fleet, { kind: 'ended' })
  const start = performance.now()
  const slowest = slowestAnswer(
    probes,
    fleet.block().then(() => pause(DECIDED_MS)),
  )
  const ended: EndedSession[] = []
  let checkedOctets = 0
  let left: number
  do {
    await pause(LOOK_MS)
    const report = await ofAll(fleet, { kind: 'ended' })
    ended.push(...report.ended)
    checkedOctets += report.checkedOctets
    left = report.open
  } while (left > 0 && performance.now() < start + MAX_REVOCATION_MS)
  const slowestMs = await slowest
  const decidedAt = await fleet.revokedAt()
  const waitedMs = ended.flatMap(({ id, at, literalFrom, literalTo }) => {
    const decided = decidedAt.get(id) ?? 0
    return literalFrom <= decided && decided < literalTo ? [at - decided] : []
  })
  await fleet.recall(0)
  await untilReply(probes, '250')
  return { ended, left, slowestMs, slowestBeforeMs, waitedMs, checkedOctets }
}

/** How long the slowest answer took that a worker gave until `end`. */
async function slowestAnswer(probes: readonly WorkerProbe[], end: Promise<unknown>): Promise<number> {
  let over = false
  let slowest = 0
  const asking = probes.map(async (probe) => {
    while (!over) {
      const asked = performance.now()
      await probe.mail()
      slowest = Math.max(slowest, performance.now() - asked)
      await pause(ASK_EVERY_MS)
    }
  })
  await end
  over = true
  await Promise.all(asking)
  return slowest
}

function printRevocations(rounds: readonly Revocation[]): void {
  const all = rounds.flatMap(({ ended }) => ended)
  const count = (how: EndedSession['how']): number => all.filter((one) => one.how === how).length
  const print = (figure: string, value: number, unit: string, more: object = {}): void =>
    printFigure({ bench: BENCH, figure: `${SESSIONS} sessions revoked: ${figure}`, value, unit, ...more })
  const waited = rounds.flatMap(({ waitedMs }) => waitedMs)
  const octets = rounds.reduce((sum, { checkedOctets }) => sum + checkedOctets, 0)
  const none = { target: { atMost: 0 } }
  print('cut within a response', count('cut'), 'sessions', none)
  print('ended without a word', count('silent'), 'sessions', none)
  print('not ended', Math.max(...rounds.map(({ left }) => left)), 'sessions', none)
  print('ended with BYE', count('bye'), 'sessions', { context: { rounds: rounds.length } })
  print('octets compared meanwhile', octets / 1e6, 'MB')
  print('within a literal when their end was decided', waited.length, 'sessions', { target: { atLeast: 1 } })
  print('these waited for its end, at most', Math.max(...waited), 'ms')
  for (const { ended, slowestMs, slowestBeforeMs } of rounds) {
    const at = ended.map((one) => one.at)
    const context = { by_tenth: byTenth(at, SPREAD_MS).join(' ') }
    const value = deviation(at, SPREAD_MS)
    print('from the straight line, at most', value, 'of all', { target: { atMost: 0.1 }, context })
    print('slowest SMTP answer', slowestMs, 'ms', { context: { before_ms: Math.round(slowestBeforeMs) } })
  }
}

void main()
