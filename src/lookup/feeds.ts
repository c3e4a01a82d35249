import type { FeedStanding } from '../feeds/standing'
import { isoTime } from './site'

/** The published form of a feed's standing. */
export const feedJson = (feed: FeedStanding, now: number): object => ({
  name: feed.name,
  kind: feed.kind,
  of: feed.of,
  every_s: feed.everyS,
  last_good_at: timeOf(feed.lastGoodAt),
  last_good_age_s: feed.lastGoodAt === null ? null : Math.round((now - feed.lastGoodAt) / 1000),
  last_tried_at: timeOf(feed.lastTriedAt),
  next_at: timeOf(feed.nextAt),
  problem: feed.problem && { ...feed.problem, since: timeOf(feed.problem.since) },
  devices: feed.devices,
  bad: feed.bad,
  examples: feed.examples,
  gone_held: feed.goneHeld,
  events: feed.events,
  refused_events: feed.refusedEvents,
  blind_to: feed.blindTo,
  held: feed.held && {
    ...feed.held,
    since: timeOf(feed.held.since),
    release: releaseCommand(feed),
  },
})

/** A feed in one line for people. */
export function feedText(feed: FeedStanding, now: number): string {
  const { lastGoodAt, held, problem } = feed
  const parts = [
    feed.kind + (feed.of === null ? '' : ` for ${feed.of}`),
    feed.devices === null ? undefined : `${feed.devices} devices`,
    feed.events + feed.refusedEvents === 0
      ? undefined
      : `${feed.events} events, ${feed.refusedEvents} refused`,
    lastGoodAt === null
      ? 'nothing was taken in yet'
      : `good ${Math.round((now - lastGoodAt) / 60_000)} min ago`,
    feed.bad === 0 ? undefined : `${feed.bad} bad records`,
    feed.goneHeld ?? undefined,
    feed.blindTo.length === 0 ? undefined : blindText(feed),
    held ? `HELD: ${held.why}; ${held.count} records set aside; ${releaseCommand(feed)}` : undefined,
    problem ? `FAILS: ${problem.message}` : undefined,
  ]
  return parts.filter((part) => part !== undefined).join(', ')
}

/** Whoever has such an app passes for one who has not. */
export const blindText = ({ blindTo }: FeedStanding): string =>
  `does not look for the apps of ${blindTo.slice(0, SHOWN_MANDATES).join(', ')}${blindTo.length > SHOWN_MANDATES ? ', ...' : ''}`

const SHOWN_MANDATES = 5

/** What lets a held feed go on. */
export const releaseCommand = ({ name, of, toConfirm }: FeedStanding): string =>
  `device-gate feed release ${of ?? name} --confirm ${toConfirm} --reason "..."`

const timeOf = (ms: number | null): string | null => (ms === null ? null : isoTime(ms))
