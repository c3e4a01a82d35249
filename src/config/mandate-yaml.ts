import type { Mandate, Stage } from '../policy/policy'
import type { PolicyProblem } from '../policy/validation'
import type { MandateMode, Platform } from '../policy/vocabulary'
import type { AppCatalogue } from './app-catalogue'
import type { KeyPath } from './config-problem'

/** A mandate as the policy file has it, of the schema's shape. */
export interface MandateYaml {
  readonly id: string
  readonly finding: string
  readonly platforms: readonly Platform[]
  readonly groups?: readonly string[]
  readonly mode: MandateMode
  readonly warn_from?: string
  readonly deadline: string
  readonly stages?: readonly StageYaml[]
  readonly until?: string
  readonly message: string
  readonly author?: string
  readonly reason?: string
  readonly ticket?: string
  readonly created?: string
  readonly changed?: string
}

interface StageYaml {
  readonly from: string
  readonly percent?: number
  readonly groups?: readonly string[]
}

/** What the schema cannot say well: a stage is of one kind. */
export const mandateShape = ({ stages = [] }: MandateYaml, index: number): PolicyProblem[] =>
  stages.flatMap(({ percent, groups }, stage) =>
    (percent === undefined) === (groups === undefined)
      ? [{ path: ['mandates', index, 'stages', stage], problem: 'must have one of percent and groups' }]
      : [],
  )

/** Every time in it, and where it stands. */
export const mandateTimes = (
  { warn_from, deadline, until, created, changed, stages = [] }: MandateYaml,
  index: number,
): (readonly [KeyPath, string | undefined])[] => [
  ...Object.entries({ warn_from, deadline, until, created, changed }).map(
    ([key, time]) => [['mandates', index, key], time] as const,
  ),
  ...stages.map(({ from }, stage) => [['mandates', index, 'stages', stage, 'from'], from] as const),
]

export function toMandate(yaml: MandateYaml, apps: AppCatalogue): Mandate {
  const { id, finding, platforms, message, groups, mode, stages, until } = yaml
  const { author, reason, ticket, created, changed } = yaml
  const deadline = Date.parse(yaml.deadline)
  const appIds = apps.get(finding)
  return {
    id,
    finding,
    ...(appIds && { appIds }),
    platforms,
    ...(groups && { groups }),
    ...(mode !== 'block' && { mode }),
    warnFrom: yaml.warn_from === undefined ? deadline : Date.parse(yaml.warn_from),
    deadline,
    ...(stages && { stages: stages.map(toStage) }),
    ...(until !== undefined && { until: Date.parse(until) }),
    message,
    ...(author !== undefined && { author }),
    ...(reason !== undefined && { reason }),
    ...(ticket !== undefined && { ticket }),
    ...(created !== undefined && { created: Date.parse(created) }),
    ...(changed !== undefined && { changed: Date.parse(changed) }),
  }
}

const toStage = ({ from, percent, groups = [] }: StageYaml): Stage =>
  percent === undefined ? { from: Date.parse(from), groups } : { from: Date.parse(from), percent }
