import type { ReadStore } from '../devices/store'
import { unlessDamaged } from '../devices/unless-damaged'
import { guardFigure, type GuardFigure } from '../policy/guard'
import type { Beside } from '../policy/decision'
import type { Override } from '../policy/override'
import type { ActivePolicy } from '../policy/policy'
import { effectOn } from '../policy/what-if'
import { forEveryDevice } from './every-device'
import { narrowing } from './narrowed'

/** How many devices come to be blocked when `after` takes the place of `before`, at the moment `at`. */
export async function policyFigure(
  store: ReadStore,
  before: ActivePolicy,
  after: ActivePolicy,
  at: number,
): Promise<GuardFigure> {
  const [was, becomes] = [narrowing(before), narrowing(after)]
  let devices = 0
  let newlyBlocked = 0
  await forEveryDevice(store, (device, beside) => {
    devices += 1
    if (effectOn(device, beside, becomes(device), at).effect !== 'block') return
    if (effectOn(device, beside, was(device), at).effect !== 'block') newlyBlocked += 1
  })
  return guardFigure(newlyBlocked, devices, before.policy.maxNewBlocks)
}

/** A user with more devices than this is judged by the first ones. */
const MAX_OWNED = 10_000

/** How many devices come to be blocked when what stands beside the policy for `subject` changes. */
export function besideFigure(
  store: ReadStore,
  active: ActivePolicy,
  subject: Override['subject'],
  change: (beside: Beside) => Beside,
  at: number,
): GuardFigure {
  const ids = subject.kind === 'device' ? [subject.id] : store.deviceIdsOf(subject.id, MAX_OWNED)
  const policyOf = narrowing(active)
  let newlyBlocked = 0
  for (const id of ids) {
    const device = unlessDamaged(() => store.device(id))
    if (!device) continue
    const owner = { kind: 'user', id: device.owners[0] ?? '' } as const
    const others: Beside = {
      overrides: [...overridesOn(store, { kind: 'device', id }), ...overridesOn(store, owner)],
      attestations: unlessDamaged(() => store.attestationsOf(owner.id)) ?? [],
    }
    const policy = policyOf(device)
    const isBlocked = (beside: Beside): boolean => effectOn(device, beside, policy, at).effect === 'block'
    if (isBlocked(change(others)) && !isBlocked(others)) newlyBlocked += 1
  }
  return guardFigure(newlyBlocked, store.counts().devices, active.policy.maxNewBlocks)
}

/** What is damaged fails as `fail_mode` says, before and after. */
const overridesOn = (store: ReadStore, subject: Override['subject']): Override[] =>
  unlessDamaged(() => store.overridesOn(subject)) ?? []
