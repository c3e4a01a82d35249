import type { Mandate, Policy } from './policy'

/** A policy whose mandates named in `held` block nobody from these moments on whom they did not block before. */
export function withHolds(policy: Policy, held: ReadonlyMap<string, number>): Policy {
  if (!policy.mandates.some(({ id }) => held.has(id))) return policy
  const mandates = policy.mandates.map((mandate) => {
    const from = held.get(mandate.id)
    return from === undefined || mandate.mode === 'silent' ? mandate : heldFrom(mandate, from)
  })
  return { ...policy, mandates }
}

/** Whom only later stages would reach goes on being warned. */
function heldFrom(mandate: Mandate, moment: number): Mandate {
  const stages = mandate.stages?.filter(({ from }) => from < moment) ?? []
  return stages.length > 0 ? { ...mandate, stages } : { ...mandate, mode: 'warn' }
}
