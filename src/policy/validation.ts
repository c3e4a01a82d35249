import type { Policy } from './policy'

export interface PolicyProblem {
  readonly path: readonly (string | number)[]
  readonly problem: string
}

/** What a policy of the right shape can still have wrong. */
export function validatePolicy(policy: Pick<Policy, 'mandates'>): PolicyProblem[] {
  const problems: PolicyProblem[] = []
  const firstUse = new Map<string, number>()
  policy.mandates.forEach((mandate, index) => {
    const first = firstUse.get(mandate.id)
    if (first !== undefined) {
      problems.push({
        path: ['mandates', index, 'id'],
        problem: `"${mandate.id}" is already the id of mandates[${first}]; give each its own`,
      })
    } else firstUse.set(mandate.id, index)
    if (mandate.deadline < mandate.warnFrom) {
      problems.push({
        path: ['mandates', index, 'deadline'],
        problem: 'is before warn_from; nobody would be warned',
      })
    }
  })
  return problems
}
