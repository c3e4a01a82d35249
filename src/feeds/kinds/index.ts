import type { FeedKind } from '../kind'
import { fileKind } from './file'
import { httpKind } from './http'

/** All kinds of feeds that there are. */
export const FEED_KINDS: readonly FeedKind[] = [fileKind, httpKind]

export const feedKind = (name: string): FeedKind | undefined => FEED_KINDS.find(({ kind }) => kind === name)
