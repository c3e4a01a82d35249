import type { FeedKind } from '../kind'

/** All kinds of feeds that there are. */
export const FEED_KINDS: readonly FeedKind[] = []

export const feedKind = (name: string): FeedKind | undefined => FEED_KINDS.find(({ kind }) => kind === name)
