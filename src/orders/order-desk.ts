import { OvertakenError, modeOrder, overrideOrder, removalOrder, type Order } from '../devices/order'
import { HOLDS, type Authorship, type Store } from '../devices/store'
import { withHolds } from '../policy/holds'
import { guardFigure, isOverBound, type GuardFigure } from '../policy/guard'
import type { Beside } from '../policy/decision'
import type { Override } from '../policy/override'
import type { ActivePolicy, Mandate, Policy } from '../policy/policy'
import type { Mode } from '../policy/vocabulary'
import { unlessDamaged } from '../devices/unless-damaged'
import { besideFigure, policyFigure } from './figure'
import { give, type Given, type Worked } from './give'
import { GuardRefusal } from './guard-refusal'
import {
  currentHolds,
  foreseenHolds,
  heldMoments,
  holdsOf,
  momentsOf,
  NotHeldError,
  type Holds,
} from './holds'
import { PENDING, pendingEdit, type Pending } from './pending'
import { policyChange } from './policy-change'
import { ApprovalRefusal, PROPOSAL, proposals, type Proposal } from './proposal'
import { newestRecall, planRecall, RECALL, type Recall, type RecallPlan } from './recall'

export interface Draft {
  readonly policy: Policy
  readonly text: string
}

/** What waits for a second person under an id. */
export interface Proposed extends Given {
  readonly id: string
}

/** A tag key that is taken away. */
export interface KeyRemoval {
  readonly id: string
  /** The ids of the keys that stay. */
  readonly left: readonly string[]
  readonly devicesByTag: number
}

const TAG_KEYS = 'tagKeys'
/** The newest one. */
const ERASURE = 'erasure'

type SecondPerson = 'second person' | 'second person for a mandate'

/**
 * Where every change of what is in force is given: works out how many devices it newly blocks, refuses it over the
 * policy's bound unless that figure was confirmed, and has it done together with its entry in the history.
 */
export class OrderDesk {
  constructor(
    private readonly store: Store,
    private readonly now: () => number,
  ) {}

  applyPolicy(draft: Draft, by: Authorship, confirmed?: number): Promise<Given> {
    return this.#give(async () => {
      const worked = await this.#policyOrder(draft, by)
      this.#permit(worked.figure, confirmed, { second: 'second person' })
      return worked
    })
  }

  setMode(mode: Mode | null, by: Authorship, confirmed?: number): Promise<Given> {
    return this.#give(async () => {
      const before = this.#active()
      const after = before && { ...before, modeOverride: mode }
      const figure = after ? await policyFigure(this.store, before, after, this.now()) : NOTHING
      this.#permit(figure, confirmed, { second: 'second person' })
      const order = modeOrder(mode, by)
      const full = this.#full()
      if (!full) return { order, figure }
      const holds = await foreseenHolds(
        this.store,
        { ...full, modeOverride: mode },
        currentHolds(this.store),
        this.now(),
      )
      return { order: { ...order, effects: [...order.effects, holdsNote(holds)] }, figure }
    })
  }

  putOverride(override: Override, confirmed?: number): Promise<Given> {
    const { kind, subject } = override
    return this.#give(() => {
      const figure = this.#overrideFigure(subject, (others) => [...without(others, kind, subject), override])
      this.#permit(figure, confirmed)
      return { order: overrideOrder(override), figure }
    })
  }

  removeOverride(
    kind: Override['kind'],
    subject: Override['subject'],
    by: Authorship,
    confirmed?: number,
  ): Promise<Given> {
    return this.#give(() => {
      const figure = this.#overrideFigure(subject, (others) => without(others, kind, subject))
      this.#permit(figure, confirmed)
      return { order: removalOrder(kind, subject, by), figure }
    })
  }

  /** Voids the tags under a key: guarded by how many devices came by tags lately, and kept in the history. */
  removeTagKey({ id, left, devicesByTag }: KeyRemoval, by: Authorship, confirmed?: number): Promise<Given> {
    return this.#give(() => {
      const active = this.#active()
      const { devices } = this.store.counts()
      const figure = active ? guardFigure(devicesByTag, devices, active.policy.maxNewBlocks) : NOTHING
      this.#permit(figure, confirmed)
      const change = `Tag key ${id} removed: its tags are void; ${devicesByTag} devices came by tags within seven days.`
      const effects: Order['effects'] = [{ kind: 'note', name: TAG_KEYS, value: { left, at: by.at } }]
      return { figure, order: { ...by, kind: 'key', change, effects } }
    })
  }

  /** An edit of the policy file: in force at once, or held back; `pending` tells why. */
  async takeFile(draft: Draft, by: Authorship): Promise<Given & { readonly pending: Pending | undefined }> {
    let pending: Pending | undefined
    const given = await this.#give(async () => {
      pending = undefined
      if (this.#isInForce(draft)) {
        const order = withdrawal(by)
        return { figure: NOTHING, order: { ...order, effects: [...order.effects, ...this.#unpinned()] } }
      }
      const worked = await this.#policyOrder(draft, by)
      pending = this.#heldBack(draft, worked.figure, by)
      return pending ? { figure: worked.figure, order: pendingOrder(pending, worked.order) } : worked
    })
    return { ...given, pending }
  }

  /** Puts the pending edit in force, whose figure is `confirmed`. */
  confirmPending(draft: Draft, by: Authorship, confirmed: number): Promise<Given> {
    return this.#give(async () => {
      if (pendingEdit(this.store)?.text !== draft.text) throw new OvertakenError()
      const worked = await this.#policyOrder(draft, by)
      if (confirmed !== worked.figure.newlyBlocked)
        throw new GuardRefusal(worked.figure, confirmed, 'command')
      this.#permit(worked.figure, confirmed, { second: 'second person' })
      return { ...worked, order: { ...worked.order, kind: 'confirm' } }
    })
  }

  /**
   * Goes back to an earlier policy: not guarded, since nothing may stand in the way of taking an order back. `pinned`: the
   * policy file, which still says what was recalled, may not undo it.
   */
  async recall(to: number | undefined, by: Authorship, pinned: boolean): Promise<RecallPlan & Given> {
    let plan: RecallPlan | undefined
    const given = await this.#give(() => {
      plan = planRecall(this.store, to)
      const { from, target } = plan
      const { policy, sourceText } = target
      const recall: Recall = { ...by, version: from + 1, to: target.version, from, pinned }
      const effects: Order['effects'] = [
        { kind: 'policy', policy, sourceText },
        { kind: 'note', name: RECALL, value: recall },
        holdsNote(holdsOf(currentHolds(this.store), policy)),
      ]
      const change = `version ${from} taken back; version ${from + 1} says what version ${target.version} said`
      return { figure: NOTHING, order: { ...by, kind: 'recall', change, effects } }
    })
    if (!plan) throw new Error('a recall without a plan')
    return { ...plan, ...given }
  }

  /** The policy file counts again from its next edit on. */
  unpin(by: Authorship): Promise<Given> {
    const order = { ...by, kind: 'unpin', change: 'the policy file counts again' } as const
    return this.#give(() => ({ figure: NOTHING, order: { ...order, effects: this.#unpinned() } }))
  }

  /** That somebody is erased from the block log, under a name that is none. */
  noteErasure(pseudonym: string, by: Authorship): Promise<Given> {
    const effects: Order['effects'] = [{ kind: 'note', name: ERASURE, value: { pseudonym, at: by.at } }]
    const order = {
      ...by,
      kind: 'erase',
      change: `${pseudonym} is erased from the block log`,
      effects,
    } as const
    return this.#give(() => ({ figure: NOTHING, order }))
  }

  /** Releases what a recall has pinned, if it has. */
  #unpinned(): Order['effects'] {
    const recall = newestRecall(this.store)
    return recall?.pinned ? [{ kind: 'note', name: RECALL, value: { ...recall, pinned: false } }] : []
  }

  /** Looks ahead: a mandate whose deadline to come would newly block too many is held. Gives the new holds. */
  async foresee(by: Authorship, aheadMs: number): Promise<Holds> {
    const active = this.#full()
    const former = currentHolds(this.store)
    if (!active) return former
    const holds = await foreseenHolds(this.store, active, former, this.now())
    const fresh = Object.keys(holds.held).filter((id) => holds.held[id] !== former.held[id])
    const soon = active.policy.mandates.some((mandate) =>
      momentsOf(mandate).some((moment) => moment > former.upTo && moment <= this.now() + aheadMs),
    )
    if (fresh.length === 0 && !soon) return former
    const value: Holds = { ...holds, upTo: Math.max(former.upTo, this.now() + (soon ? aheadMs : 0)) }
    const change =
      fresh.length > 0 ? `Held back: ${fresh.join(', ')}.` : 'A deadline passes within the bound.'
    const basedOn = this.store.newestOrder()
    const effects: Order['effects'] = [{ kind: 'note', name: HOLDS, value }]
    await this.store.order({ ...by, kind: 'hold', change, effects, basedOn })
    return value
  }

  /** Lets a held mandate block, whose figure is `confirmed`. */
  confirmMandate(id: string, by: Authorship, confirmed: number): Promise<Given> {
    return this.#give(async () => {
      const worked = await this.#release(id, by)
      if (confirmed !== worked.figure.newlyBlocked)
        throw new GuardRefusal(worked.figure, confirmed, 'command')
      this.#permit(worked.figure, confirmed, { second: 'second person for a mandate' })
      return worked
    })
  }

  /** What lets a held mandate block, up to a later stage that is over the bound in its turn. */
  async #release(id: string, by: Authorship): Promise<Worked> {
    const holds = currentHolds(this.store)
    const hold = holds.held[id]
    const full = this.#full()
    if (!hold || !full) throw new NotHeldError(id)
    const { moment, mandate } = hold
    const at = Math.max(this.now(), moment)
    const policyUnder = (one: Holds): ActivePolicy => ({
      ...full,
      policy: withHolds(full.policy, heldMoments(one)),
    })
    const held = Object.fromEntries(Object.entries(holds.held).filter(([other]) => other !== id))
    const figure = await policyFigure(this.store, policyUnder(holds), policyUnder({ ...holds, held }), at)
    const confirmed = { ...holds.confirmed, [id]: { figure: figure.newlyBlocked, mandate, moment: at } }
    const after = await foreseenHolds(this.store, full, { ...holds, held, confirmed }, this.now())
    const change = `Mandate ${id} may block ${figure.newlyBlocked} of ${figure.devices} devices.`
    const effects: Order['effects'] = [{ kind: 'note', name: HOLDS, value: after }]
    return { figure, order: { ...by, kind: 'confirm', change, effects } }
  }

  /** The policy in force without its holds. */
  #full(): ActivePolicy | undefined {
    const active = this.#active()
    const policy = active && this.store.policyVersion(active.version)?.policy
    return policy && { ...active, policy }
  }

  /** Lays a policy before a second person; gives the id to approve it by. */
  propose({ text, policy }: Draft, by: Authorship): Promise<Proposed> {
    return this.#propose({ text }, by, () => this.#policyOrder({ text, policy }, by))
  }

  /** The same for a held mandate that is to block. */
  proposeMandate(id: string, by: Authorship): Promise<Proposed> {
    return this.#propose({ mandate: id }, by, () => this.#release(id, by))
  }

  async #propose(
    what: { readonly text: string } | { readonly mandate: string },
    by: Authorship,
    work: () => Promise<Worked>,
  ): Promise<Proposed> {
    let id = ''
    const given = await this.#give(async () => {
      const { figure, order } = await work()
      id = String(this.store.newestOrder() + 1)
      const proposal: Proposal = { ...by, ...figure, ...what }
      const effects: Order['effects'] = [{ kind: 'note', name: `${PROPOSAL}${id}`, value: proposal }]
      return { figure, order: { ...order, kind: 'propose', effects } }
    })
    return { ...given, id }
  }

  /** Puts what was proposed in force, by another person and for no more devices than were told. */
  approve(id: string, draft: Draft, by: Authorship): Promise<Given> {
    const isIt = (proposal: Proposal): boolean => 'text' in proposal && proposal.text === draft.text
    return this.#approve(id, by, isIt, () => this.#policyOrder(draft, by))
  }

  /** Lets a held mandate block, as was proposed. */
  approveMandate(id: string, mandate: string, by: Authorship): Promise<Given> {
    const isIt = (proposal: Proposal): boolean => 'mandate' in proposal && proposal.mandate === mandate
    return this.#approve(id, by, isIt, () => this.#release(mandate, by))
  }

  #approve(
    id: string,
    by: Authorship,
    isIt: (proposal: Proposal) => boolean,
    work: () => Promise<Worked>,
  ): Promise<Given> {
    return this.#give(async () => {
      const proposal = proposals(this.store).get(id)
      if (!proposal || !isIt(proposal)) throw new ApprovalRefusal(`there is no proposal ${id}`)
      if (proposal.author === by.author)
        throw new ApprovalRefusal(`proposal ${id} is by ${by.author}: somebody else has to approve it`)
      const { figure, order } = await work()
      if (isOverBound(figure) && figure.newlyBlocked > proposal.newlyBlocked)
        throw new ApprovalRefusal(
          `by now proposal ${id} would newly block ${figure.newlyBlocked} devices, ` +
            `not the ${proposal.newlyBlocked} that were proposed: propose it again`,
        )
      const change = `Proposed by ${proposal.author} (${proposal.reason}). ${order.change}`
      const settled = { kind: 'note', name: `${PROPOSAL}${id}`, value: null } as const
      return { figure, order: { ...order, kind: 'approve', change, effects: [...order.effects, settled] } }
    })
  }

  #heldBack(draft: Draft, figure: GuardFigure, { at }: Authorship): Pending | undefined {
    const pinned = newestRecall(this.store)?.pinned === true
    if (!pinned && !isOverBound(figure)) return undefined
    const cause = pinned ? 'recall' : 'guard'
    const former = pendingEdit(this.store)
    if (former?.text === draft.text && former.cause === cause) return former
    return { text: draft.text, ...figure, since: at, cause }
  }

  #isInForce({ text }: Draft): boolean {
    const active = this.#active()
    return active !== undefined && this.store.policyVersion(active.version)?.sourceText === text
  }

  /** What puts `draft` in force; an edit that waited is then settled. */
  async #policyOrder(draft: Draft, by: Authorship): Promise<Worked> {
    const { policy, text: sourceText } = draft
    const before = this.#active()
    const at = this.now()
    const full = { version: 0, policy, modeOverride: before?.modeOverride ?? null }
    const kept = holdsOf(currentHolds(this.store), policy)
    // The first policy of a site is not guarded, its deadlines neither.
    const former = this.#full()?.policy
    const known = new Set(
      former?.mode === policy.mode ? former.mandates.map((one) => JSON.stringify(one)) : [],
    )
    const isNew = (mandate: Mandate): boolean => !known.has(JSON.stringify(mandate))
    const holds = before ? await foreseenHolds(this.store, full, kept, at, isNew) : kept
    const after = { ...full, policy: withHolds(policy, heldMoments(holds)) }
    const figure = before ? await policyFigure(this.store, before, after, at) : NOTHING
    const change = policyChange(before?.policy, policy, figure)
    const effects: Order['effects'] = [
      { kind: 'policy', policy, sourceText },
      { kind: 'note', name: PENDING, value: null },
      holdsNote(holds),
      ...this.#unpinned(),
    ]
    return { figure, order: { ...by, kind: 'policy', change, effects } }
  }

  #overrideFigure(
    subject: Override['subject'],
    change: (overrides: readonly Override[]) => readonly Override[],
  ): GuardFigure {
    return this.#besideFigure(subject, (beside) => ({ ...beside, overrides: change(beside.overrides) }))
  }

  #besideFigure(subject: Override['subject'], change: (beside: Beside) => Beside): GuardFigure {
    const active = this.#active()
    return active ? besideFigure(this.store, active, subject, change, this.now()) : NOTHING
  }

  /** `second`: by whom it may pass where the policy asks for a second person; undefined: it passes with its figure. */
  #permit(
    figure: GuardFigure,
    confirmed: number | undefined,
    { second }: { second?: SecondPerson } = {},
  ): void {
    if (!isOverBound(figure)) return
    const needed = this.#active()?.policy.maxNewBlocks.approval === 'second' ? second : undefined
    if (needed !== undefined || confirmed !== figure.newlyBlocked)
      throw new GuardRefusal(figure, confirmed, needed)
  }

  /** undefined: there is none to compare with, or none that decides. */
  #active(): ActivePolicy | undefined {
    return unlessDamaged(() => this.store.activePolicy())
  }

  #give(work: () => Worked | Promise<Worked>): Promise<Given> {
    return give(this.store, work)
  }
}

const NOTHING = guardFigure(0, 0, { percent: 0, count: 0 })

const without = (
  overrides: readonly Override[],
  kind: Override['kind'],
  { kind: subjectKind, id }: Override['subject'],
): Override[] =>
  overrides.filter((one) => one.kind !== kind || one.subject.kind !== subjectKind || one.subject.id !== id)

/** The file says again what is in force. */
const withdrawal = (by: Authorship): Order => ({
  ...by,
  kind: 'pending',
  change: 'the edit that was held back is withdrawn',
  effects: [{ kind: 'note', name: PENDING, value: null }],
})

const holdsNote = (holds: Holds): Order['effects'][number] => {
  const isEmpty = holds.upTo === 0 && Object.keys({ ...holds.held, ...holds.confirmed }).length === 0
  return { kind: 'note', name: HOLDS, value: isEmpty ? null : holds }
}

const pendingOrder = (pending: Pending, { author, reason, at, change }: Order): Order => ({
  author,
  reason,
  at,
  kind: 'pending',
  change: `held back: ${change}`,
  effects: [{ kind: 'note', name: PENDING, value: pending }],
})
