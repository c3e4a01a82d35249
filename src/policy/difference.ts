import type { Mandate, Policy } from './policy'
import {
  actionWords,
  counted,
  durationWords,
  findingWords,
  groupWords,
  mandateSentence,
  MODE_WORDS,
  momentWords,
  platformWords,
  stageWords,
  subjectWords,
  type Zone,
} from './words'

/** What of a policy changes, and how, in a sentence that needs no knowledge of the file. */
export interface PolicyChange {
  /** The key, or the mandate: `mode`, `mandates.tiktok-2020-07`. */
  readonly what: string
  readonly change: string
}

/** What is different once `after` is in force where `before` was. Empty: nothing. */
export const policyDifference = (before: Policy, after: Policy, zone: Zone): PolicyChange[] => [
  ...settingChanges(before, after),
  ...groupChanges(before.groups ?? {}, after.groups ?? {}),
  ...mandateChanges(before.mandates, after.mandates, zone),
  ...(same(before.tests, after.tests)
    ? []
    : [
        {
          what: 'tests',
          change: `The policy's own tests change: ${counted(before.tests.length, 'case')} before, ${counted(after.tests.length, 'case')} after.`,
        },
      ]),
]

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

/** Each key with how it is told, in the order of the file. */
const SETTINGS: readonly (readonly [what: string, say: (policy: Policy) => string, about: string])[] = [
  ['mode', ({ mode }) => MODE_WORDS[mode], 'The mode'],
  [
    'max_new_blocks',
    ({ maxNewBlocks: { percent, count } }) => `${counted(count, 'device')} or ${percent} %`,
    'How many devices a change may newly block without a confirmation',
  ],
  [
    'max_new_blocks.approval',
    ({ maxNewBlocks: { approval } }) =>
      approval === 'second' ? 'a second person' : 'the figure, given back',
    'What a change that blocks more needs',
  ],
  [
    'unknown',
    ({ unknown }) => actionWords(unknown),
    'What happens to devices that nobody reported, or that cannot be seen for a mandate',
  ],
  ['stale.after', ({ stale }) => durationWords(stale.afterMs), 'How old a report may be'],
  ['stale.action', ({ stale }) => actionWords(stale.action), 'What happens to devices with an older report'],
  ['noncompliant', ({ noncompliant }) => actionWords(noncompliant), 'What happens to noncompliant devices'],
  ['grace', ({ grace }) => actionWords(grace), 'What happens to devices in grace'],
  [
    'contact',
    ({ contact }) => (contact === '' ? 'nobody' : `"${contact}"`),
    'Whom refused people are told to ask',
  ],
]

const settingChanges = (before: Policy, after: Policy): PolicyChange[] =>
  SETTINGS.flatMap(([what, say, about]) =>
    say(before) === say(after) ? [] : [{ what, change: `${about}: ${say(after)} (before: ${say(before)}).` }],
  )

type Groups = NonNullable<Policy['groups']>

const groupChanges = (before: Groups, after: Groups): PolicyChange[] =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((name) => {
    const was = new Set(before[name])
    const is = new Set(after[name])
    const added = [...is].filter((member) => !was.has(member)).length
    const removed = [...was].filter((member) => !is.has(member)).length
    if (added + removed === 0) return []
    const parts = [
      ...(added > 0 ? [`${counted(added, 'member')} added`] : []),
      ...(removed > 0 ? [`${counted(removed, 'member')} taken out`] : []),
    ]
    return [{ what: `groups.${name}`, change: `The group ${name}: ${parts.join(', ')}, ${is.size} in all.` }]
  })

function mandateChanges(before: readonly Mandate[], after: readonly Mandate[], zone: Zone): PolicyChange[] {
  const was = new Map(before.map((mandate) => [mandate.id, mandate]))
  const is = new Map(after.map((mandate) => [mandate.id, mandate]))
  const removed = before.filter(({ id }) => !is.has(id))
  return [
    ...removed.map((mandate) => ({
      what: `mandates.${mandate.id}`,
      change: `${mandate.id} is taken out: ${subjectWords(mandate)} are no longer warned or blocked for it.`,
    })),
    ...after.flatMap((mandate) => {
      const old = was.get(mandate.id)
      const change = old === undefined ? added(mandate, zone) : changed(old, mandate, zone)
      return change === undefined ? [] : [{ what: `mandates.${mandate.id}`, change }]
    }),
  ]
}

const added = (mandate: Mandate, zone: Zone): string =>
  `${mandate.id} is new. ${mandateSentence(mandate, zone)}`

/** Only what is different; then the sentence that the order comes to. */
function changed(before: Mandate, after: Mandate, zone: Zone): string | undefined {
  const parts = MANDATE_PARTS.flatMap(([about, say]) => {
    const [was, is] = [say(before, zone), say(after, zone)]
    return was === is ? [] : [`${about} ${is} (before: ${was})`]
  })
  const { warnFrom, deadline } = after
  const later = (key: 'warnFrom' | 'deadline', name: string): string[] => {
    const by = after[key] - before[key]
    return by === 0
      ? []
      : [
          `${name} moves to ${momentWords(after[key], zone)}, ${durationWords(Math.abs(by))} ${by > 0 ? 'later' : 'earlier'}`,
        ]
  }
  const moves = [
    ...later('deadline', 'the deadline'),
    ...(warnFrom === deadline && before.warnFrom === before.deadline ? [] : later('warnFrom', 'the warning')),
  ]
  const all = [...moves, ...parts]
  if (all.length === 0) return undefined
  const decides = !same(decidingPart(before), decidingPart(after))
  return `${after.id}: ${all.join('; ')}.${decides ? ` So: ${mandateSentence(after, zone)}` : ''}`
}

const decidingPart = ({
  platforms,
  finding,
  appIds,
  groups,
  mode,
  warnFrom,
  deadline,
  stages,
  until,
}: Mandate): unknown => [platforms, finding, appIds, groups, mode, warnFrom, deadline, stages, until]

const orNone = (text: string | undefined): string => (text === undefined ? 'none' : `"${text}"`)

const MANDATE_PARTS: readonly (readonly [about: string, say: (mandate: Mandate, zone: Zone) => string])[] = [
  ['its mode is', ({ mode = 'block' }) => mode],
  ['it is about', ({ platforms }) => platformWords(platforms)],
  [
    'it looks for',
    ({ finding, appIds = [] }) =>
      [findingWords(finding), ...appIds.map((id) => id.slice('app:'.length))].join(', '),
  ],
  ['it is for', ({ groups }) => (groups === undefined ? 'everybody' : groupWords(groups))],
  [
    'its stages are',
    ({ stages }, zone) => stages?.map((stage) => stageWords(stage, zone)).join(', then ') ?? 'none',
  ],
  ['its end is', ({ until }, zone) => (until === undefined ? 'none' : momentWords(until, zone))],
  ['it tells people', ({ message }) => `"${message}"`],
  ['its author is', ({ author }) => orNone(author)],
  ['its reason is', ({ reason }) => orNone(reason)],
  ['its ticket is', ({ ticket }) => orNone(ticket)],
]
