import type { DeviceRecord } from './device'
import { hashOf } from './hash'
import type { Mandate, Policy, Stage } from './policy'
import { normaliseUser } from './user-name'

type Groups = Policy['groups']

/** What is known of a mandate's finding on a device: it was seen, or its source cannot see findings of that kind. */
export type Sight = 'seen' | 'unseen'

/** How a device stands to a mandate, whatever the time; undefined: the mandate is not about it. */
export function sightOf(mandate: Mandate, device: DeviceRecord, groups: Groups): Sight | undefined {
  if (!mandate.platforms.includes(device.platform)) return undefined
  const { findings } = device
  const isSeen = findings.includes(mandate.finding) || hasApp(device, mandate.appIds)
  if (!isSeen && !findings.includes(unseenFinding(mandate))) return undefined
  const isMeant = mandate.groups === undefined || isInGroups(device, mandate.groups, groups)
  return isMeant ? (isSeen ? 'seen' : 'unseen') : undefined
}

/** What a source reports that cannot see a mandate's kind of finding: `unseen:app` of one about `app:tiktok`. */
export const unseenFinding = ({ finding }: Pick<Mandate, 'finding'>): string =>
  `${UNSEEN}${finding.slice(0, finding.indexOf(':'))}`

/** Whether its source cannot see something of it. */
export const isUnseen = ({ findings }: DeviceRecord): boolean =>
  findings.some((finding) => finding.startsWith(UNSEEN))

const UNSEEN = 'unseen:'

const hasApp = ({ findings }: DeviceRecord, appIds: readonly string[] | undefined): boolean =>
  appIds?.some((id) => findings.includes(id)) ?? false

/** Any of these on a device is what a mandate looks for. */
export const findingsOf = ({ finding, appIds = [] }: Mandate): readonly string[] => [finding, ...appIds]

/** From when on the deadline of a mandate applies to a device that it is about; Infinity: no stage reaches it. */
export function deadlineOf(mandate: Mandate, device: DeviceRecord, groups: Groups): number {
  const { id, deadline, stages } = mandate
  if (stages === undefined) return deadline
  const place = placeOf(id, device.id)
  const reached = stages.find((stage) => reaches(stage, device, place, groups))
  return reached?.from ?? Infinity
}

const reaches = (stage: Stage, device: DeviceRecord, place: number, groups: Groups): boolean =>
  'percent' in stage ? place < stage.percent : isInGroups(device, stage.groups, groups)

/**
 * Where a device stands among all devices of a mandate, from 0 to 100: the stages of a growing share reach them in
 * this order. The same on every host and in every version of this program, and another order in each mandate, so that
 * it is not always the same people who come first.
 */
export function placeOf(mandateId: string, deviceId: string): number {
  return (hashOf(`${mandateId}\n${deviceId}`) / 2 ** 32) * 100
}

const isInGroups = (device: DeviceRecord, names: readonly string[], groups: Groups): boolean =>
  names.some((name) => {
    const members = membersOf(groups?.[name])
    return members.has(device.id) || device.owners.some((owner) => members.has(owner))
  })

const NOBODY: ReadonlySet<string> = new Set()
const memberSets = new WeakMap<readonly string[], ReadonlySet<string>>()

/** A list of a policy never changes, so that its set is made once. Each member may be an id or an owner. */
function membersOf(list: readonly string[] | undefined): ReadonlySet<string> {
  if (list === undefined) return NOBODY
  const known = memberSets.get(list)
  if (known) return known
  const members = new Set(list.flatMap((member) => [member, normaliseUser(member)]))
  memberSets.set(list, members)
  return members
}
