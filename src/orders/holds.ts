import { HOLDS, type ReadStore } from '../devices/store'
import { isInScope, deadlineOf } from '../policy/reach'
import { guardFigure, isOverBound, type GuardFigure } from '../policy/guard'
import type { ActivePolicy, Mandate, Policy } from '../policy/policy'
import { effectOn } from '../policy/what-if'
import { forEveryDevice } from './every-device'
import { narrowing } from './narrowed'

/** A mandate that warns at most, since a deadline of it would newly block too many and nobody confirmed that. */
export interface Hold extends GuardFigure {
  /** The deadline or stage. Epoch milliseconds. */
  readonly moment: number
  readonly since: number
  /** The mandate as it was: another one under the same id is not meant. */
  readonly mandate: Mandate
}

export interface Holds {
  readonly held: Readonly<Record<string, Hold>>
  /** By mandate: what was confirmed, and of which mandate. */
  readonly confirmed: Readonly<Record<string, { readonly figure: number; readonly mandate: Mandate }>>
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

/** What deadlines and stages to come would newly block: mandates over the bound that nobody confirmed are held. */
export async function foreseenHolds(
  store: ReadStore,
  active: ActivePolicy,
  holds: Holds,
  now: number,
): Promise<Holds> {
  const { policy } = active
  const narrowed = narrowing(active)
  const counts = new Map<string, Map<number, number>>()
  const open = policy.mandates.filter(
    (mandate) =>
      !(mandate.id in holds.held) &&
      Math.max(mandate.deadline, ...(mandate.stages ?? []).map((s) => s.from)) > holds.upTo,
  )
  if (open.length === 0) return holds
  const openIds = new Set(open.map(({ id }) => id))
  let devices = 0
  await forEveryDevice(store, (device, overrides) => {
    devices += 1
    const own = narrowed(device)
    for (const mandate of own.policy.mandates) {
      if (!openIds.has(mandate.id) || !isInScope(mandate, device, policy.groups)) continue
      const moment = deadlineOf(mandate, device, policy.groups)
      if (moment <= holds.upTo || moment === Infinity) continue
      if (effectOn(device, overrides, own, moment).effect !== 'block') continue
      if (effectOn(device, overrides, own, moment - 1).effect === 'block') continue
      const byMoment = counts.get(mandate.id) ?? new Map<number, number>()
      counts.set(mandate.id, byMoment.set(moment, (byMoment.get(moment) ?? 0) + 1))
    }
  })
  const held: Record<string, Hold> = { ...holds.held }
  for (const mandate of open) {
    const [moment, count] = [...(counts.get(mandate.id) ?? [])].sort((a, b) => b[1] - a[1])[0] ?? [0, 0]
    const figure = guardFigure(count, devices, policy.maxNewBlocks)
    const allowed = holds.confirmed[mandate.id]?.figure ?? 0
    if (isOverBound({ ...figure, newlyBlocked: count - allowed }))
      held[mandate.id] = { ...figure, moment, since: now, mandate }
  }
  return { ...holds, held }
}

export const heldIds = ({ held }: Holds): ReadonlySet<string> => new Set(Object.keys(held))

/** What a held mandate waits for. */
export const holdText = (id: string, { newlyBlocked, devices, moment }: Hold): string =>
  `mandate ${id} warns at most: at ${new Date(moment).toISOString()} it would newly block ${newlyBlocked} of ${devices} ` +
  `devices: device-gate policy confirm ${newlyBlocked} --mandate ${id} --reason "..."`
