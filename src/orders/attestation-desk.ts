import type { Order } from '../devices/order'
import type { Authorship, Store } from '../devices/store'
import { unlessDamaged } from '../devices/unless-damaged'
import { countsUntil, type Attestation, type Statement } from '../policy/attestation'
import type { Beside } from '../policy/decision'
import { guardFigure, isOverBound, type GuardFigure } from '../policy/guard'
import { besideFigure } from './figure'
import { give, type Given } from './give'
import { GuardRefusal } from './guard-refusal'

/** Links and statements that are kept of one person. */
const MAX_OF_USER = 64

/** A link that takes no statement, or a person with too many of them. */
export class AttestationRefusal extends Error {
  override readonly name = 'AttestationRefusal'
  readonly code = 'ERR_ATTESTATION'
}

/** Where people are asked for statements and make them: each is one entry of the history. */
export class AttestationDesk {
  constructor(
    private readonly store: Store,
    private readonly now: () => number,
  ) {}

  /** Keeps what a link is about, which is to be given to its person. */
  ask(attestation: Attestation): Promise<Given> {
    const { user, deviceId, author, reason, createdAt: at, linkExpiresAt } = attestation
    return give(this.store, () => {
      const kept = this.#kept(user)
      if (kept.length >= MAX_OF_USER)
        throw new AttestationRefusal(`${user} has ${MAX_OF_USER} links and statements: remove some first`)
      const change = `user ${user} is asked about device ${deviceId} by a link until ${iso(linkExpiresAt)}: ${aboutText(attestation)}`
      return this.#order({ author, reason, at }, change, user, [...kept, attestation])
    })
  }

  /** Takes what the person of a link states by it. */
  state({ user, link }: Pick<Attestation, 'user' | 'link'>, stated: Statement): Promise<Given> {
    return give(this.store, () => {
      const kept = this.#kept(user)
      const asked = kept.find((one) => one.link === link)
      if (!asked || asked.linkExpiresAt <= stated.at || asked.stated)
        throw new AttestationRefusal('the link takes no statement any more')
      const { deviceId, author, reason } = asked
      const by = {
        author: `link:${user}`,
        reason: `asked by ${author}: ${reason}`,
        at: stated.at,
      }
      const change =
        `user ${user} states of device ${deviceId} from ${stated.remote}: ${aboutText(asked)}; ` +
        `it counts until ${iso(stated.expiresAt)}`
      return this.#order(
        by,
        change,
        user,
        kept.map((one) => (one === asked ? { ...one, stated } : one)),
      )
    })
  }

  /**
   * Ends what a person stated of a device, and the links that still ask. A link that was used stays used. Gives no entry
   * where there is neither.
   */
  remove(user: string, deviceId: string, by: Authorship, confirmed?: number): Promise<Given> {
    return give(this.store, () => {
      const kept = this.#kept(user)
      const meant = kept.filter((one) => one.deviceId === deviceId && isOpen(one, by.at))
      if (meant.length === 0 && !this.#isDamaged(user))
        return { order: { ...by, kind: 'attest', change: '', effects: [] }, figure: NOTHING }
      const left = kept.flatMap((one) => (meant.includes(one) ? ended(one, by.at) : one))
      const figure = this.#figure(user, deviceId, left)
      if (isOverBound(figure) && confirmed !== figure.newlyBlocked) throw new GuardRefusal(figure, confirmed)
      const change = `user ${user} has ${meant.length} links and statements about device ${deviceId} taken away`
      return { ...this.#order(by, change, user, left), figure }
    })
  }

  /** Those that still say something. What is damaged is written anew. */
  #kept(user: string): readonly Attestation[] {
    const now = this.now()
    const all = unlessDamaged(() => this.store.attestationsOf(user)) ?? []
    return all.filter((one) => one.linkExpiresAt > now || countsUntil(one) > now)
  }

  /** What cannot be read is mended by taking it away. */
  #isDamaged(user: string): boolean {
    return unlessDamaged(() => this.store.attestationsOf(user)) === undefined
  }

  #figure(user: string, deviceId: string, left: readonly Attestation[]): GuardFigure {
    const active = unlessDamaged(() => this.store.activePolicy())
    if (!active) return NOTHING
    const subject = { kind: 'device', id: deviceId } as const
    const isMeant = (beside: Beside): boolean => beside.attestations[0]?.user === user
    const change = (beside: Beside): Beside => (isMeant(beside) ? { ...beside, attestations: left } : beside)
    return besideFigure(this.store, active, subject, change, this.now())
  }

  #order(
    by: Authorship,
    change: string,
    user: string,
    attestations: readonly Attestation[],
  ): { readonly order: Order; readonly figure: GuardFigure } {
    const effects = [{ kind: 'attestations', user, attestations }] as const
    return { order: { ...by, kind: 'attest', change, effects }, figure: NOTHING }
  }
}

const NOTHING = guardFigure(0, 0, { percent: 0, count: 0 })

const isOpen = (one: Attestation, now: number): boolean =>
  one.stated ? one.stated.expiresAt > now : one.linkExpiresAt > now

/** Nothing is left of a link that was never used: it is as if it were forged. */
const ended = (one: Attestation, at: number): readonly Attestation[] =>
  one.stated ? [{ ...one, stated: { ...one.stated, expiresAt: at } }] : []

const aboutText = ({ findings, mandate }: Attestation): string =>
  `without ${findings[0] ?? ''} (mandate ${mandate})`

const iso = (ms: number): string => new Date(ms).toISOString()
