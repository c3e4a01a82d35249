import { HOLDS, type ReadStore } from '../devices/store'
import { deadlineOf, sightOf } from '../policy/reach'
import { guardFigure, isOverBound, type GuardFigure } from '../policy/guard'
import type { ActivePolicy, Mandate, Policy } from '../policy/policy'
import { effectOn } from '../policy/what-if'
import { forEveryDevice } from './every-device'
import { narrowing } from './narrowed'

/** A mandate that blocks nobody more from a moment on, which would newly block too many and which nobody confirmed. */
export interface Hold extends GuardFigure {
  /** The first deadline or stage that would. Epoch milliseconds. */
  readonly moment: number
  readonly since: number
  /** The mandate as it was: another one under the same id is not meant. */
  readonly mandate: Mandate
}

/** What somebody confirmed of a mandate. */
interface Confirmed {
  readonly figure: number
  readonly mandate: Mandate
  /** The deadline or stage that was meant, and those before. */
  readonly moment: number
}

export interface Holds {
  readonly held: Readonly<Record<string, Hold>>
  /** By mandate. */
  readonly confirmed: Readonly<Record<string, Confirmed>>
  /** Moments up to here have been looked at before they came: a clock that is set back brings none of them back. */
  readonly upTo: number
}

export class NotHeldError extends Error {
  override readonly name = 'NotHeldError'
  readonly code = 'ERR_NOT_HELD'
  constructor(id: string) {
    super(`mandate ${id} is not held back: see device-gate status`)
  }
}

const NONE: Holds = { held: {}, confirmed: {}, upTo: 0 }

export const currentHolds = (store: ReadStore): Holds => (store.note(HOLDS) as Holds | undefined) ?? NONE

/** Those that are about the mandates of `policy` as they are. */
export function holdsOf({ held, confirmed, upTo }: Holds, { mandates }: Policy): Holds {
  const texts = new Map(mandates.map((mandate) => [mandate.id, JSON.stringify(mandate)]))
  const same = ([id, { mandate }]: readonly [string, { readonly mandate: Mandate }]): boolean =>
    texts.get(id) === JSON.stringify(mandate)
  return {
    held: Object.fromEntries(Object.entries(held).filter(same)),
    confirmed: Object.fromEntries(Object.entries(confirmed).filter(same)),
    upTo,
  }
}

/**
 * What deadlines and stages to come would newly block: a mandate over the bound, which nobody confirmed, is held from the
 * first such moment on.
 */
export async function foreseenHolds(
  store: ReadStore,
  active: ActivePolicy,
  holds: Holds,
  now: number,
  /** That is none of the mandates which `holds.upTo` is about. */
  isNew: (mandate: Mandate) => boolean = () => false,
): Promise<Holds> {
  const { policy } = active
  const narrowed = narrowing(active)
  const counts = new Map<string, Map<number, number>>()
  const isOpen = (mandate: Mandate, moment: number): boolean =>
    moment > now &&
    (moment > holds.upTo || isNew(mandate)) &&
    moment < (holds.held[mandate.id]?.moment ?? Infinity)
  const open = policy.mandates.filter((mandate) =>
    momentsOf(mandate).some((moment) => isOpen(mandate, moment)),
  )
  if (open.length === 0) return holds
  const openIds = new Set(open.map(({ id }) => id))
  let devices = 0
  await forEveryDevice(store, (device, beside) => {
    devices += 1
    const own = narrowed(device)
    for (const mandate of own.policy.mandates) {
      if (!openIds.has(mandate.id) || !sightOf(mandate, device, policy.groups)) continue
      const moment = deadlineOf(mandate, device, policy.groups)
      if (!isOpen(mandate, moment)) continue
      if (effectOn(device, beside, own, moment).effect !== 'block') continue
      if (effectOn(device, beside, own, moment - 1).effect === 'block') continue
      const byMoment = counts.get(mandate.id) ?? new Map<number, number>()
      counts.set(mandate.id, byMoment.set(moment, (byMoment.get(moment) ?? 0) + 1))
    }
  })
  const held: Record<string, Hold> = { ...holds.held }
  for (const mandate of open) {
    const confirmed = holds.confirmed[mandate.id]
    for (const [moment, count] of [...(counts.get(mandate.id) ?? [])].sort((a, b) => a[0] - b[0])) {
      const figure = guardFigure(count, devices, policy.maxNewBlocks)
      const allowed = confirmed && moment <= confirmed.moment ? confirmed.figure : 0
      if (!isOverBound({ ...figure, newlyBlocked: count - allowed })) continue
      held[mandate.id] = { ...figure, moment, since: now, mandate }
      break
    }
  }
  return { ...holds, held }
}

/** When a mandate comes to block. */
export const momentsOf = ({ deadline, stages }: Mandate): number[] =>
  stages?.map(({ from }) => from) ?? [deadline]

/** From when on each mandate is held. */
export const heldMoments = ({ held }: Holds): ReadonlyMap<string, number> =>
  new Map(Object.entries(held).map(([id, { moment }]) => [id, moment]))

/** What a held mandate waits for. */
export const holdText = (id: string, { newlyBlocked, devices, moment }: Hold): string =>
  `mandate ${id} warns at most whom it would newly block from ${new Date(moment).toISOString()} on, ${newlyBlocked} of ` +
  `${devices} devices: device-gate policy confirm ${newlyBlocked} --mandate ${id} --reason "..."`
