import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'

import { LRUCache } from 'lru-cache'

import { LmdbStore } from '../src/devices/lmdb-store'
import { DecisionGate } from '../src/gate/decision-gate'
import type { GateDecision, KeyedSubject } from '../src/gate/gate'
import type { DeviceRecord } from '../src/policy/device'
import type { Policy } from '../src/policy/policy'
import { median, printFigure, quantile, significant, type Target } from './figure'

/**
 * What one decision costs: from the cache, beside a bare lru-cache get; and from the replica, which holds a
 * million devices. Run by `npm run bench:decide`.
 */

const DEVICES = 1_000_000
/** Each person owns this many of them, as phone, tablet and laptop. */
const DEVICES_A_PERSON = 3
/** What fits into a core's cache, and the most connections a worker takes (`imap.limits.connections`). */
const SESSIONS = [1000, 20_000] as const
const ROUNDS = 201
const WARM_UP_ROUNDS = 20
const GETS_A_ROUND = 50_000
const HEAP_CALLS = 10_000_000
const UNCACHED_CALLS = 100_000
const UNCACHED_BATCHES = 7

const NOW = Date.parse('2026-11-20T08:00:00Z')
const DAY_MS = 86_400_000
const POLICY: Policy = {
  mode: 'enforce',
  maxNewBlocks: { percent: 5, count: 50 },
  unknown: 'allow',
  stale: { afterMs: 7 * DAY_MS, action: 'warn' },
  noncompliant: 'block',
  grace: 'warn',
  contact: 'Help desk: +1 555 0100',
  mandates: [
    {
      id: 'friday-mandate',
      finding: 'app:com.zhiliaoapp.musically',
      platforms: ['ios', 'android'],
      warnFrom: NOW - DAY_MS,
      deadline: NOW + DAY_MS,
      message: 'Remove TikTok from this phone to go on using company email',
    },
  ],
  tests: [],
}

const deviceId = (index: number): string => `3f2a9c04-5b1d-4e77-9a10-${String(index).padStart(12, '0')}`
const ownerOf = (index: number): string => `person${Math.floor(index / DEVICES_A_PERSON)}@example.com`

const PLATFORMS = ['ios', 'android', 'windows'] as const
const deviceRecord = (index: number): DeviceRecord => ({
  id: deviceId(index),
  owners: [ownerOf(index)],
  platform: PLATFORMS[index % PLATFORMS.length]!,
  state: index % 50 === 0 ? 'noncompliant' : 'compliant',
  findings: ['os:26.1', 'encrypted', ...(index % 20 === 0 ? ['app:com.zhiliaoapp.musically'] : [])],
  evidenceAt: NOW - (index % DAY_MS),
  source: 'mdm',
  version: index,
})

/** The same numbers in each run. */
function randomIndexes(count: number, below: number): Uint32Array {
  let state = 1
  return Uint32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  })
}

async function fill(store: LmdbStore): Promise<void> {
  await store.applyPolicy(POLICY, 'bench', { author: 'bench', reason: 'bench', at: NOW })
  const batch = 5000
  for (let from = 0; from < DEVICES; from += batch) {
    await store.putDevices(Array.from({ length: batch }, (_, i) => deviceRecord(from + i)))
  }
}

const newGate = (store: LmdbStore): DecisionGate =>
  new DecisionGate({
    replica: store,
    host: () => ({ enforcement: 'policy', unidentified: 'owner', failMode: 'closed' }),
    journal: { append: () => undefined },
    revokeSpreadMs: () => 0,
    now: Date.now,
    onFault: (error) => {
      throw error
    },
  })

const tagged = (gate: DecisionGate, index: number): KeyedSubject =>
  gate.subject({
    user: ownerOf(index),
    claim: { deviceId: deviceId(index), proof: 'tag' },
    platformHint: null,
    exemptNetwork: false,
  })

const unidentified = (gate: DecisionGate, index: number): KeyedSubject =>
  gate.subject({ user: ownerOf(index), claim: null, platformHint: null, exemptNetwork: false })

/** Time on the processor: what other programs take from it in between does not count. */
function cpuUs(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

function timeGate(gate: DecisionGate, subjects: readonly KeyedSubject[], order: Uint32Array): number {
  let blocks = 0
  const startUs = cpuUs()
  for (const index of order) if (gate.decide(subjects[index]!, NOW).outcome === 'block') blocks += 1
  const nsEach = ((cpuUs() - startUs) / order.length) * 1000
  if (blocks === 0) throw new Error('no decision was a block: the loop measured nothing')
  return nsEach
}

/** The key is taken from the session as the gate takes it: what differs is only what the gate adds. */
function timeBare(
  cache: LRUCache<string, GateDecision>,
  subjects: readonly KeyedSubject[],
  order: Uint32Array,
): number {
  let blocks = 0
  const startUs = cpuUs()
  for (const index of order) if (cache.get(subjects[index]!.key)!.outcome === 'block') blocks += 1
  const nsEach = ((cpuUs() - startUs) / order.length) * 1000
  if (blocks === 0) throw new Error('no decision was a block: the loop measured nothing')
  return nsEach
}

/** Rounds of both by turns, so that what else the machine does falls on both alike. */
function benchCached(store: LmdbStore, sessions: number): void {
  const gate = newGate(store)
  const bare = new LRUCache<string, GateDecision>({ max: 262_144 })
  const subjects = Array.from(randomIndexes(sessions, DEVICES), (index) => tagged(gate, index))
  for (const subject of subjects) bare.set(subject.key, gate.decide(subject, NOW))
  const order = randomIndexes(GETS_A_ROUND, sessions)

  const gateNs: number[] = []
  const bareNs: number[] = []
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round += 1) {
    // The second of a round finds the sessions warm from the first: each is it in turn.
    if (round % 2 === 0) gateNs.push(timeGate(gate, subjects, order))
    bareNs.push(timeBare(bare, subjects, order))
    if (round % 2 !== 0) gateNs.push(timeGate(gate, subjects, order))
    if (round < 0) gateNs.length = bareNs.length = 0
  }
  gate.close()
  printFigure({
    bench: 'decide',
    figure: `cached_ratio_${sessions}_sessions`,
    value: median(gateNs.map((ns, round) => ns / bareNs[round]!)),
    unit: '× a bare lru-cache get',
    target: { atMost: 1.5 },
    context: { gate_ns: Math.round(median(gateNs)), bare_ns: Math.round(median(bareNs)), rounds: ROUNDS },
  })
}

function benchHeap(store: LmdbStore): void {
  const { gc } = globalThis
  if (!gc) throw new Error('needs node --expose-gc')
  const gate = newGate(store)
  const subjects = Array.from(randomIndexes(1000, DEVICES), (index) => tagged(gate, index))
  const order = randomIndexes(HEAP_CALLS / 20, subjects.length)
  timeGate(gate, subjects, order)
  gc()
  const before = process.memoryUsage().heapUsed
  for (let calls = 0; calls < HEAP_CALLS; calls += order.length) timeGate(gate, subjects, order)
  gc()
  const grownBytes = process.memoryUsage().heapUsed - before
  gate.close()
  printFigure({
    bench: 'decide',
    figure: 'cached_heap_growth',
    value: Math.max(0, grownBytes) / 1024,
    unit: 'KiB over 10 M cached decisions',
    // One octet for each hundred decisions would show as 98.
    target: { atMost: 64 },
  })
}

/**
 * Each subject is new, so that none is in the cache; each decision has a turn of the event loop, as in a
 * worker. Told is the median of the batches' p99, so that a burst of other programs does not count for all.
 */
async function benchUncached(
  figure: string,
  store: LmdbStore,
  subjectsOf: (gate: DecisionGate) => KeyedSubject[],
  target?: Target,
): Promise<void> {
  const gate = newGate(store)
  const subjects = subjectsOf(gate)
  const us = new Float64Array(subjects.length)
  for (const [call, subject] of subjects.entries()) {
    await nextTurn()
    const start = performance.now()
    gate.decide(subject, NOW)
    us[call] = (performance.now() - start) * 1000
  }
  gate.close()
  const size = us.length / UNCACHED_BATCHES
  const p99s = Array.from({ length: UNCACHED_BATCHES }, (_, i) =>
    quantile(us.subarray(i * size, (i + 1) * size), 0.99),
  )
  printFigure({
    bench: 'decide',
    figure,
    value: median(p99s),
    unit: 'µs, p99',
    ...(target && { target }),
    context: {
      p50_us: significant(median(us)),
      worst_batch_p99_us: significant(Math.max(...p99s)),
      calls: us.length,
      devices: DEVICES,
    },
  })
}

async function main(): Promise<void> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'device-gate-bench-'))
  const store = LmdbStore.open(dir)
  try {
    await fill(store)
    for (const sessions of SESSIONS) benchCached(store, sessions)
    benchHeap(store)
    const people = randomIndexes(UNCACHED_CALLS, DEVICES / DEVICES_A_PERSON)
    const firstDevices = Array.from(new Set(people), (person) => person * DEVICES_A_PERSON)
    const subjectsBy = (make: typeof tagged) => (gate: DecisionGate) =>
      firstDevices.map((index) => make(gate, index))
    await benchUncached('uncached_p99', store, subjectsBy(tagged), { atMost: 50 })
    await benchUncached('uncached_owner_p99', store, subjectsBy(unidentified))
  } finally {
    await store.close()
    fs.rmSync(dir, { recursive: true, force: true })
  }
}

void main()
