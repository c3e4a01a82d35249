import type { GateDecision } from '../../src/gate/gate'

/** A finished decision of which only the id and the end matter. */
export const finished = (id: string, validUntil = Infinity): GateDecision => ({
  id,
  outcome: 'allow',
  reason: 'compliant',
  enforced: true,
  rule: null,
  policyVersion: 1,
  deviceId: null,
  platform: null,
  proof: 'tag',
  evidenceAt: null,
  text: '',
  validUntil,
})
