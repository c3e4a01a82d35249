import type { Attestation } from '../policy/attestation'
import type { Override } from '../policy/override'
import type { Policy } from '../policy/policy'
import type { Mode } from '../policy/vocabulary'

/** Who changes something and why: kept with every change that is not a device record. */
export interface Authorship {
  readonly author: string
  readonly reason: string
  /** Epoch milliseconds. */
  readonly at: number
}

/** What people order, as the history names it. */
export const ORDER_KINDS = [
  'policy',
  'mode',
  'exempt',
  'lock',
  'pending',
  'confirm',
  'propose',
  'approve',
  'recall',
  'unpin',
  'hold',
  'feed',
  'key',
  'certificate',
  'erase',
  'attest',
] as const
export type OrderKind = (typeof ORDER_KINDS)[number]

/** One thing that an order does. */
export type Effect =
  | {
      readonly kind: 'policy'
      readonly policy: Policy
      readonly sourceText: string
      /** Only where there is none yet; otherwise unless the one in force has the same text. */
      readonly first?: true
    }
  /** null takes the override away. */
  | { readonly kind: 'mode'; readonly mode: Mode | null }
  | { readonly kind: 'override'; readonly override: Override }
  | {
      readonly kind: 'override removed'
      readonly override: Override['kind']
      readonly subject: Override['subject']
    }
  /** All that a user was asked to state; none: nothing is left of it. */
  | { readonly kind: 'attestations'; readonly user: string; readonly attestations: readonly Attestation[] }
  /** Something that stands beside the policy; null takes it away. */
  | { readonly kind: 'note'; readonly name: string; readonly value: object | null }

/** A change of what is in force, done as a whole together with its entry in the history. */
export interface Order extends Authorship {
  readonly kind: OrderKind
  /** What it changes, in words. */
  readonly change: string
  readonly effects: readonly Effect[]
  /** The newest entry of the history when it was worked out: done only while that is the newest. */
  readonly basedOn?: number
}

/** Another order came between: this one has to be worked out anew. Nothing was changed. */
export class OvertakenError extends Error {
  override readonly name = 'OvertakenError'
  readonly code = 'ERR_OVERTAKEN'
  constructor() {
    super('another order was given meanwhile, nothing was changed: look at it, and try again')
  }
}

export const policyOrder = (policy: Policy, sourceText: string, by: Authorship): Order => ({
  ...by,
  kind: 'policy',
  change: `mode ${policy.mode}, mandates ${policy.mandates.length}`,
  effects: [{ kind: 'policy', policy, sourceText }],
})

export const modeOrder = (mode: Mode | null, by: Authorship): Order => ({
  ...by,
  kind: 'mode',
  change: mode === null ? "the policy's own mode" : mode,
  effects: [{ kind: 'mode', mode }],
})

export const overrideOrder = (override: Override): Order => ({
  author: override.author,
  reason: override.reason,
  at: override.createdAt,
  kind: ORDER_OF[override.kind],
  change: `${subjectName(override.subject)} until ${
    override.expiresAt === null ? 'removed' : new Date(override.expiresAt).toISOString()
  }`,
  effects: [{ kind: 'override', override }],
})

export const removalOrder = (
  override: Override['kind'],
  subject: Override['subject'],
  by: Authorship,
): Order => ({
  ...by,
  kind: ORDER_OF[override],
  change: `${subjectName(subject)} removed`,
  effects: [{ kind: 'override removed', override, subject }],
})

const ORDER_OF = { exemption: 'exempt', lock: 'lock' } as const

const subjectName = ({ kind, id }: Override['subject']): string => `${kind} ${id}`
