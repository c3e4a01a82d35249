import type { Policy } from './policy'

/** A policy whose mandates named in `held` warn at most, until somebody confirms that they may block. */
export function withHolds(policy: Policy, held: ReadonlySet<string>): Policy {
  if (!policy.mandates.some(({ id }) => held.has(id))) return policy
  const mandates = policy.mandates.map((mandate) =>
    held.has(mandate.id) && mandate.mode !== 'silent' ? { ...mandate, mode: 'warn' as const } : mandate,
  )
  return { ...policy, mandates }
}
