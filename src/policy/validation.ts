import type { Mandate, Policy, Stage } from './policy'

export interface PolicyProblem {
  readonly path: readonly (string | number)[]
  readonly problem: string
}

/** What a policy of the right shape can still have wrong. */
export function validatePolicy(policy: Pick<Policy, 'mandates' | 'groups'>): PolicyProblem[] {
  const firstUse = new Map<string, number>()
  return policy.mandates.flatMap((mandate, index) => {
    const first = firstUse.get(mandate.id)
    if (first === undefined) firstUse.set(mandate.id, index)
    const found = [
      ...(first === undefined
        ? []
        : [problem(['id'], `"${mandate.id}" is already the id of mandates[${first}]; give each its own`)]),
      ...timeProblems(mandate),
      ...stageProblems(mandate),
      ...groupProblems(mandate, policy.groups ?? {}),
    ]
    return found.map(({ path, problem }) => ({ path: ['mandates', index, ...path], problem }))
  })
}

const problem = (path: PolicyProblem['path'], problem: string): PolicyProblem => ({ path, problem })

function timeProblems({ warnFrom, deadline, until = Infinity }: Mandate): PolicyProblem[] {
  return [
    ...(deadline < warnFrom ? [problem(['deadline'], 'is before warn_from; nobody would be warned')] : []),
    ...(until <= deadline
      ? [problem(['until'], 'is not after the deadline, so nobody would ever be blocked; give a later end')]
      : []),
  ]
}

/** A stage reaches those of the stages before it too: only so is nobody let in by the next one. */
function stageProblems({ deadline, until = Infinity, stages = [] }: Mandate): PolicyProblem[] {
  let from = -Infinity
  let percent = 0
  return stages.flatMap((stage, index) => {
    const problems: PolicyProblem[] = []
    const say = (key: string, text: string): void => void problems.push(problem(['stages', index, key], text))
    if (stage.from < deadline)
      say('from', 'is before the deadline, which people are told; begin the first stage with the deadline')
    if (stage.from >= until) say('from', 'is not before until; the stage would never begin')
    if (stage.from <= from) say('from', 'is not later than the stage before; give the stages in their order')
    from = Math.max(from, stage.from)
    if (!('percent' in stage)) return problems
    if (stage.percent <= percent)
      say('percent', `is not more than the ${percent} of a stage before; a share can only grow`)
    percent = Math.max(percent, stage.percent)
    return problems
  })
}

function groupProblems(
  { groups, stages = [] }: Mandate,
  known: NonNullable<Policy['groups']>,
): PolicyProblem[] {
  const named = [
    ...placed(groups, ['groups']),
    ...stages.flatMap((stage, index) => placed(groupsOf(stage), ['stages', index, 'groups'])),
  ]
  const names = Object.keys(known).join(', ') || 'none'
  return named
    .filter(({ name }) => !Object.hasOwn(known, name))
    .map(({ name, path }) => problem(path, `there is no group "${name}"; in groups: ${names}`))
}

const groupsOf = (stage: Stage): readonly string[] | undefined =>
  'groups' in stage ? stage.groups : undefined

const placed = (
  names: readonly string[] | undefined,
  path: PolicyProblem['path'],
): { readonly name: string; readonly path: PolicyProblem['path'] }[] =>
  (names ?? []).map((name, index) => ({ name, path: [...path, index] }))
