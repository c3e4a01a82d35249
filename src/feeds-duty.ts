import { Feeds, type FeedFigures, type FeedLeases } from './feeds/feeds'
import type { FeedListener } from './feeds/feed-runner'
import type { FeedAnswer, FeedRequest } from './feeds/kind'
import type { ControlParts } from './host-parts'
import type { Logger } from './journal/logger'

export interface FeedsDuty {
  /** Takes in what a source pushes; undefined: there is no such feed. */
  receive(name: string, request: FeedRequest): Promise<FeedAnswer | undefined>
  /** How those go that this host runs. */
  figures(): readonly FeedFigures[]
  close(): Promise<void>
}

/** Runs the site's feeds on this host; of a fleet those whose lease it has. */
export async function startFeedsDuty(parts: ControlParts): Promise<FeedsDuty> {
  const { store, fleet, feeds: database, logger, onFault } = parts
  const feeds = new Feeds({
    store,
    database,
    leases: fleet && quietly(await fleet.feedLeases(), onFault),
    listener: listenerFor(logger, onFault),
    now: Date.now,
    random: Math.random,
  })
  await feeds.start()
  return {
    receive: (name, request) => feeds.receive(name, request),
    figures: () => feeds.figures(),
    close: () => feeds.close(),
  }
}

/** A store that is away leaves every feed to nobody, until it answers. */
const quietly = (leases: FeedLeases, onFault: (error: unknown) => void): FeedLeases => ({
  renew: (name) =>
    leases.renew(name).catch((error: unknown) => {
      onFault(error)
      return false
    }),
  release: (name) => leases.release(name),
})

const listenerFor = (logger: Logger, onFault: (error: unknown) => void): FeedListener => ({
  onSweep: (feed, { error, notModified, problems, ...report }) => {
    if (error) return
    if (report.applied + report.gone + report.held > 0) logger.info({ feed, ...report }, 'feed swept')
    for (const { place, problem } of problems.slice(0, LOGGED_PROBLEMS))
      logger.warn({ feed, place }, `feed ${feed}: ${place} ${problem}`)
    if (report.bad > LOGGED_PROBLEMS)
      logger.warn(
        { feed, bad: report.bad, notModified },
        `feed ${feed}: and ${report.bad - LOGGED_PROBLEMS} more`,
      )
  },
  onProblem: (feed, message) => logger.error({ feed }, `feed ${feed}: ${message}`),
  onMended: (feed) => logger.info({ feed }, `feed ${feed}: well again`),
  onHeld: (feed, why) =>
    logger.error(
      { feed },
      `feed ${feed} is held: ${why}; look at its source, then: device-gate feed release ${feed}`,
    ),
  // Each reason at most once a minute: who sends may send anything.
  onRefused: (feed, refusal, said) =>
    onFault(new Error(`feed ${feed} refused an event: ${refusal}, ${said}`)),
  onReleased: (feed, word) => logger.info({ feed, word }, `feed ${feed} is no longer held`),
  onFault,
})

/** Of one sweep; all that are kept are in `device-gate feed list --json`. */
const LOGGED_PROBLEMS = 10
