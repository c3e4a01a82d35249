import type { Authorship } from '../devices/order'
import type { Store } from '../devices/store'
import { unlessDamaged } from '../devices/unless-damaged'
import { guardFigure, isOverBound, type GuardFigure } from '../policy/guard'
import { certificatesOrder, registeredCertificates, unprovenBy, type CertificateChange } from './certificates'
import { give } from './give'
import { GuardRefusal } from './guard-refusal'

/** A fleet's store takes twice as many changes in one entry of its log. */
const AT_ONCE = 100

/** What a change is told with, and who came lately. */
export interface CertificateWord {
  readonly by: Authorship
  /** The devices that came by a certificate lately. */
  readonly came: ReadonlySet<string>
  readonly confirmed: number | undefined
}

/**
 * Registers certificates, or takes them away: guarded by how many of the devices that came by one lately have none
 * left. A long list is several orders, each done as a whole; it is permitted as one, with the first of them.
 */
export async function changeCertificates(
  store: Store,
  changes: readonly CertificateChange[],
  { by, came, confirmed }: CertificateWord,
): Promise<void> {
  for (let from = 0; from < changes.length; from += AT_ONCE) {
    const order = certificatesOrder(changes.slice(from, from + AT_ONCE), by)
    await give(store, () => {
      const figure = figureOf(store, changes, came)
      if (from === 0 && isOverBound(figure) && confirmed !== figure.newlyBlocked)
        throw new GuardRefusal(figure, confirmed)
      return { figure, order }
    })
  }
}

/** Without a policy nobody is blocked. */
function figureOf(
  store: Store,
  changes: readonly CertificateChange[],
  came: ReadonlySet<string>,
): GuardFigure {
  const active = unlessDamaged(() => store.activePolicy())
  // One that is damaged leads nowhere, and must not keep others from being written.
  const registered = unlessDamaged(() => registeredCertificates(store)) ?? new Map<string, never>()
  return guardFigure(
    active ? unprovenBy(registered, changes, came).size : 0,
    store.counts().devices,
    active?.policy.maxNewBlocks ?? { percent: 0, count: 0 },
  )
}
