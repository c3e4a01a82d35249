import { CorruptRecordError, type ReadStore } from '../devices/store'
import type { BreakerBounds } from './breaker'
import type { Settings } from './kind'
import type { SecretReference } from './secrets'

/** What becomes of a device that a complete sweep no longer brings. */
export const GONE_RULES = ['keep', 'unknown', 'forget'] as const
export type GoneRule = (typeof GONE_RULES)[number]

/** One feed as the site has added it; it stands in the store's notes. */
export interface FeedDefinition {
  readonly name: string
  readonly kind: string
  readonly settings: Settings
  /** Where its secrets are, by their names. */
  readonly secrets: Readonly<Record<string, SecretReference>>
  /** How often it is swept; 0: never, it brings events only. */
  readonly everyS: number
  readonly breaker: BreakerBounds
  readonly gone: GoneRule
  /** The feed whose devices its events are about: they are written as that source's. null: its own. */
  readonly of: string | null
  readonly author: string
  readonly created: number
}

/** The note of a feed is called so, with its name behind. */
export const FEED_NOTE = 'feed/'

export const FEED_NAME = /^[a-z0-9][a-z0-9-]{0,31}$/

/** The source that a feed writes as, and whose breaker, hold and set-aside records count for it. */
export const sourceOf = ({ name, of }: FeedDefinition): string => of ?? name

/** Every feed of the site, in the order of their names. */
export const feedDefinitions = (store: ReadStore): FeedDefinition[] =>
  [...store.notes(FEED_NOTE)].map(([name, value]) => read(name, value))

export function feedDefinition(store: ReadStore, name: string): FeedDefinition | undefined {
  const value = store.note(FEED_NOTE + name)
  return value === undefined ? undefined : read(name, value)
}

/** Written by the gate itself: looked at no closer than tells a damaged one from a good one. */
function read(name: string, value: unknown): FeedDefinition {
  const note = value as Partial<FeedDefinition>
  const known =
    typeof note.kind === 'string' &&
    isObject(note.settings) &&
    isObject(note.secrets) &&
    isObject(note.breaker) &&
    typeof note.everyS === 'number' &&
    GONE_RULES.some((rule) => rule === note.gone)
  if (!known) throw new CorruptRecordError(`notes/${FEED_NOTE}${name}`, 'is damaged')
  return { ...(note as FeedDefinition), name }
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null
