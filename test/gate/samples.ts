import type { Decision } from '../../src/policy/decision'

/** A decision of which only the end matters. */
export const anyDecision = (validUntil = Infinity): Decision => ({
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
