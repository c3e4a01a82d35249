/**
 * A worker with no clients: asks its gate for decisions at a steady pace, and refuses 2,000 times a second, each a case of its
 * own, which it writes into the journal where it is told to. Prints the 99th percentile of a decision, in microseconds, for each round.
 */
import { setTimeout as sleep } from 'node:timers/promises'

import { LmdbStore } from '../../src/devices/lmdb-store'
import { DecisionGate } from '../../src/gate/decision-gate'
import { JournalStore } from '../../src/journal/journal-store'
import { quantile } from '../figure'

const TICK_MS = 5
const BLOCKS_A_TICK = 10
const DECISIONS_A_TICK = 20

const [stateDir = '', users = '200'] = process.argv.slice(2)
const replica = LmdbStore.open(stateDir)
const journal = JournalStore.open(stateDir, { now: Date.now, onFault: console.error })
const gate = new DecisionGate({
  replica,
  journal,
  now: Date.now,
  onFault: console.error,
  revokeSpreadMs: () => 10_000,
  host: () => ({ enforcement: 'policy', failMode: 'closed', unidentified: 'owner' }),
})
let next = 0
let recorded = 0

/** The control process takes the policy file soon after its start. */
async function untilInForce(): Promise<void> {
  while (!replica.activePolicy()) await sleep(50)
}

async function round(durationMs: number, blocks: boolean): Promise<{ p99: number; written: number }> {
  await untilInForce()
  const took: number[] = []
  const started = performance.now()
  recorded = 0
  for (let tick = 1; performance.now() - started < durationMs; tick += 1) {
    for (let i = 0; i < DECISIONS_A_TICK; i += 1) {
      next += 1
      const user = `user${next % Number(users)}@example.com`
      const claim = { deviceId: `phone-${next % Number(users)}`, proof: 'tag' } as const
      const before = performance.now()
      gate.decide(gate.subject({ user, claim, platformHint: null, exemptNetwork: false }), Date.now())
      took.push((performance.now() - before) * 1000)
    }
    for (let i = 0; i < BLOCKS_A_TICK; i += 1) {
      next += 1
      const subject = gate.subject({
        user: `nobody${next}@example.com`,
        claim: { deviceId: `unknown-${next}`, proof: 'tag' },
        platformHint: null,
        exemptNetwork: false,
      })
      const at = Date.now()
      const decision = gate.decide(subject, at)
      if (!blocks) continue
      gate.record(decision, { protocol: 'imap', subject, remoteAddress: '192.0.2.1', at })
      recorded += 1
    }
    await sleep(Math.max(0, started + tick * TICK_MS - performance.now()))
  }
  return { p99: quantile(took, 0.99), written: recorded }
}

process.on('message', ({ durationMs, blocks }: { durationMs: number; blocks: boolean }) => {
  void round(durationMs, blocks).then((done) => process.send?.(done))
})
process.on('disconnect', () => process.exit(0))
