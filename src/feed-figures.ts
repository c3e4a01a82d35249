import type { FeedFigures } from './feeds/feeds'
import type { Sample, Samples } from './metrics/catalogue'
import { EVENT_REFUSALS, RECORD_OUTCOMES } from './metrics/words'

/** What the feeds of this host are at one moment. Events that a feed brings for another count as the other's records. */
export function feedFigures(feeds: readonly FeedFigures[], now: number): Samples {
  const swept = feeds.filter(({ definition }) => definition.everyS > 0)
  const sources = feeds.filter(({ definition }) => definition.of === null)
  return {
    device_gate_feed_age_seconds: swept.map((feed) => {
      const { run, definition } = feed
      return one(feed, Math.max(0, now - (run.lastSweepAt ?? definition.created)) / 1000)
    }),
    device_gate_feed_interval_seconds: swept.map((feed) => one(feed, feed.definition.everyS)),
    device_gate_feed_problem: feeds.map((feed) => one(feed, feed.run.problem ? 1 : 0)),
    device_gate_feed_held: sources.map((feed) => one(feed, feed.isHeld ? 1 : 0)),
    device_gate_feed_records_total: sources.flatMap((feed) =>
      RECORD_OUTCOMES.map((outcome) => one(feed, feed.records[outcome], { outcome })),
    ),
    device_gate_feed_refused_events_total: feeds.flatMap((feed) =>
      EVENT_REFUSALS.map((code) => one(feed, feed.refused[code], { code })),
    ),
  }
}

const one = ({ definition }: FeedFigures, value: number, labels: Sample['labels'] = {}): Sample => ({
  labels: { feed: definition.name, ...labels },
  value,
})
