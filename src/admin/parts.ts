import type { Fleet } from '../devices/redis/fleet'
import type { Store } from '../devices/store'
import type { FeedAnswer, FeedRequest } from '../feeds/kind'
import type { Logger } from '../journal/logger'
import type { LookupSite } from '../lookup/site'

/** What watches over the gate asks it. */
export interface Watch {
  /** The exposition for Prometheus. */
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>
  /** The names of the checks that fail now; empty: all is well. */
  unhealthy(): readonly string[]
  /** The same for whether it does its work. */
  unready(): Promise<readonly string[]>
  /** Decisions a second that clients of this host met lately; null: not known yet. */
  decisionsPerS(): number | null
}

/** What the admin server stands on. */
export interface AdminParts {
  readonly site: LookupSite
  readonly store: Store
  /** undefined: the store is embedded. */
  readonly fleet: Fleet | undefined
  readonly watch: Watch | undefined
  /** Takes in what a feed's source pushes; undefined: there is no such feed. */
  readonly receiveForFeed: (name: string, request: FeedRequest) => Promise<FeedAnswer | undefined>
  readonly logger: Logger
  readonly onFault: (error: unknown) => void
  readonly now: () => number
  /** Where the built console is. */
  readonly consoleDir: string
}
