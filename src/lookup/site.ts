import type { HostConfig } from '../config/host-config'
import type { Fleet } from '../devices/redis/fleet'
import { CorruptRecordError, type ReadStore } from '../devices/store'
import type { FeedStanding } from '../feeds/standing'
import type { OpenSessions, SessionSubject } from '../journal/inquiries'
import type { JournalReader } from '../journal/journal'
import type { NotedVisit, Visit } from '../journal/traffic'
import type { WorkerNote } from '../journal/worker-notes'
import { openBlocks, type BlocksSource } from './blocks-source'

/** What look-ups read: the same for a command, which opens it for a moment, and for the admin server, which has it open. */
export interface LookupSite {
  readonly harakaDir: string
  readonly config: () => HostConfig
  /** Why the host's config file is not what `config` says; empty when it is. */
  readonly configProblems: () => readonly string[]
  readonly store: () => ReadStore
  /** undefined: the store is embedded. */
  readonly fleet: () => Fleet | undefined
  /** How the site's feeds are, as this host knows them. */
  readonly feeds: () => readonly FeedStanding[]
  readonly journal: () => JournalReader
  /** Who synced on this host since a moment, in the order of time. */
  readonly traffic: (since: number) => Iterable<Visit>
  /** Who of them was plainly allowed, and when first under which policy. */
  readonly served: (since: number) => Iterable<NotedVisit>
  /** Those of one user, the newest first. */
  readonly visitsOf: (user: string, since: number) => Iterable<Visit>
  /** What the workers of this host that are alive have taken in. */
  readonly workers: () => WorkerNote[]
  /** Open IMAP sessions on this host; null: a worker does not answer. */
  readonly sessionsOf: (subject: SessionSubject) => Promise<OpenSessions[] | null>
  readonly now: () => number
  /** Told of what cannot be read or reached, and how that is mended: the rest is looked up all the same. */
  readonly tell: (text: string) => void
}

/** There is nothing of this name. */
export class NotKnownError extends Error {
  override readonly name = 'NotKnownError'
  readonly code = 'ERR_NOT_KNOWN'
}

/** Nothing can be decided yet. */
export class NoPolicyError extends Error {
  override readonly name = 'NoPolicyError'
  readonly code = 'ERR_NO_POLICY'
  constructor() {
    super(NO_POLICY)
  }
}

export const NO_POLICY = 'no policy was applied yet: start Haraka with the plugin once'

/** What of a list can be read. */
export const readable = <T extends object>(
  { tell }: Pick<LookupSite, 'tell'>,
  list: readonly (T | CorruptRecordError)[],
): T[] =>
  list.flatMap((item) => {
    if (!(item instanceof CorruptRecordError)) return [item]
    tell(item.message)
    return []
  })

/** The fleet's block log where there is one that answers, else this host's. */
export const siteBlocks = (site: Pick<LookupSite, 'journal' | 'fleet' | 'tell'>): Promise<BlocksSource> =>
  openBlocks(site.journal(), site.fleet()?.journal, site.tell)

/** RFC 3339 in UTC, as JSON has it; null for a moment that never comes. */
export const isoTime = (ms: number): string | null =>
  Number.isFinite(ms) ? new Date(ms).toISOString() : null
