/** Decides from a host's replica as a worker does: `decider-process.ts DIR LEASE_MS`. */
import { FleetReplica } from '../../src/devices/redis/fleet-replica'
import { DecisionGate } from '../../src/gate/decision-gate'
import { onOrder, tell } from './lines'

const EACH_MS = 5
const [dir = '', leaseMs = ''] = process.argv.slice(2)
const gate = new DecisionGate({
  replica: FleetReplica.open(dir, { leaseMs: Number(leaseMs) }),
  host: () => ({ enforcement: 'policy', failMode: 'closed', unidentified: 'block' }),
  journal: { append: () => undefined },
  revokeSpreadMs: () => 0,
  now: Date.now,
  onFault: () => undefined,
})

interface Watched {
  readonly subject: ReturnType<DecisionGate['subject']>
  outcome: string
  /** When it was last let through. */
  allowedAt: number
}
const watched = new Map<string, Watched>()
let decisions = 0

onOrder((word, id) => {
  if (word === 'watch') {
    const subject = gate.subject({
      user: `${id}@example.com`,
      claim: { deviceId: id, proof: 'tag' },
      platformHint: null,
      exemptNetwork: false,
    })
    watched.set(id, { subject, outcome: '', allowedAt: 0 })
  } else if (word === 'report') {
    for (const [each, { allowedAt }] of watched) if (allowedAt > 0) tell('allowed', each, allowedAt)
    tell('reported', decisions)
    watched.clear()
  }
})

setInterval(() => {
  for (const [id, one] of watched) {
    const now = Date.now()
    const { outcome } = gate.decide(one.subject, now)
    decisions += 1
    if (outcome === 'allow') one.allowedAt = now
    if (outcome === one.outcome) continue
    // Told now, should this process be killed before it can report.
    if (one.outcome === 'allow') tell('allowed', id, one.allowedAt)
    one.outcome = outcome
    tell('outcome', id, outcome)
  }
}, EACH_MS)
tell('ready')
