import type { Policy, PolicyTest } from '../policy/policy'
import { runPolicyTests } from '../policy/policy-tests'
import { validatePolicy, type PolicyProblem } from '../policy/validation'
import type { Action, ComplianceState, Mode, Platform } from '../policy/vocabulary'
import { durationMs } from './duration'
import { appCatalogue, appNameProblems, type AppCatalogue, type AppsYaml } from './app-catalogue'
import { mandateShape, mandateTimes, toMandate, type MandateYaml } from './mandate-yaml'
import { firstProblems, type ConfigProblem, type KeyPath, type Reading } from './config-problem'
import { publishedSchema, readValidYaml } from './schema'

/** The file's own shape, after the schema has filled in the defaults. */
interface PolicyYaml {
  readonly mode: Mode
  readonly max_new_blocks: Policy['maxNewBlocks']
  readonly unknown: Action
  readonly stale: { readonly after: string; readonly action: Action }
  readonly noncompliant: Action
  readonly grace: Action
  readonly contact: string
  readonly groups: Readonly<Record<string, readonly string[]>>
  readonly apps: AppsYaml
  readonly mandates: readonly MandateYaml[]
  readonly tests: readonly {
    readonly device: {
      readonly id: string
      readonly owners: readonly string[]
      readonly platform: Platform
      readonly findings: readonly string[]
      readonly state: ComplianceState
    }
    readonly at: string
    readonly expect: Action
  }[]
}

const schema = publishedSchema('device_gate_policy.schema.json')

interface PolicyText {
  readonly policy: Policy
  /** A problem with what stands at a place of the file. */
  readonly problemAt: (path: KeyPath, problem: string) => ConfigProblem
}

/** Parses `device_gate_policy.yaml`, checks it and runs its own tests: only a policy that holds is given back. */
export function parsePolicy(text: string, options: { readonly file: string }): Reading<{ policy: Policy }> {
  const reading = readPolicy(text, options)
  if (!reading.ok) return reading
  const { policy, problemAt } = reading
  const failures = runPolicyTests(policy).map(({ index, expected, got, reason }) => ({
    path: ['tests', index],
    problem: `this test expects ${expected}, the policy gives ${got} (${reason}); mend one of them`,
  }))
  return failures.length > 0 ? refused(failures, options.file, problemAt) : { ok: true, policy }
}

/** The same without running its tests. */
export function readPolicy(text: string, { file }: { readonly file: string }): Reading<PolicyText> {
  const reading = readValidYaml(text, file, schema())
  if (!reading.ok) return reading
  const raw = reading.value as PolicyYaml
  const { yaml } = reading
  const problemAt: PolicyText['problemAt'] = (path, problem) => yaml.problemAt(path, problem)
  const apps = appCatalogue(raw.apps)
  const unfit = [
    ...impossibleTimes(raw),
    ...raw.mandates.flatMap(mandateShape),
    ...raw.mandates.flatMap(({ finding }, index) => appNameProblems(finding, index, apps)),
  ]
  if (unfit.length > 0) return refused(unfit, file, problemAt)
  const policy = toPolicy(raw, apps)
  const problems = validatePolicy(policy)
  return problems.length > 0 ? refused(problems, file, problemAt) : { ok: true, policy, problemAt }
}

const refused = (
  found: readonly PolicyProblem[],
  file: string,
  problemAt: PolicyText['problemAt'],
): Reading<never> => ({
  ok: false,
  problems: firstProblems(found, file, ({ path, problem }) => problemAt(path, problem)),
})

/** Times of the right form that no calendar has, such as the 31st of June. */
function impossibleTimes(raw: PolicyYaml): PolicyProblem[] {
  const times: (readonly [KeyPath, string | undefined])[] = [
    ...raw.mandates.flatMap(mandateTimes),
    ...raw.tests.map((t, i) => [['tests', i, 'at'], t.at] as const),
  ]
  return times.flatMap(([path, time]) =>
    time === undefined || exists(time) ? [] : [{ path, problem: `there is no such time as ${time}` }],
  )
}

/** Date.parse rolls the 31st of June over to July: the day must survive the way there and back. */
const exists = (time: string): boolean => {
  const day = Date.parse(`${time.slice(0, 10)}T00:00:00Z`)
  return !Number.isNaN(Date.parse(time)) && new Date(day).toISOString().startsWith(time.slice(0, 10))
}

const toPolicy = (raw: PolicyYaml, apps: AppCatalogue): Policy => ({
  mode: raw.mode,
  maxNewBlocks: raw.max_new_blocks,
  unknown: raw.unknown,
  stale: { afterMs: durationMs(raw.stale.after), action: raw.stale.action },
  noncompliant: raw.noncompliant,
  grace: raw.grace,
  contact: raw.contact,
  ...(Object.keys(raw.groups).length > 0 && { groups: raw.groups }),
  mandates: raw.mandates.map((mandate) => toMandate(mandate, apps)),
  tests: raw.tests.map((test): PolicyTest => ({ ...test, at: Date.parse(test.at) })),
})
