import assert from 'node:assert/strict'

import { feedFigures } from '../src/feed-figures'
import { countsOf } from '../src/feeds/counts-of'
import type { FeedFigures } from '../src/feeds/feeds'
import { OUTCOMES } from '../src/feeds/plan'
import { REFUSALS } from '../src/feeds/refusal'
import { NO_RUN } from '../src/feeds/standing'
import type { Sample } from '../src/metrics/catalogue'
import { EVENT_REFUSALS, RECORD_OUTCOMES } from '../src/metrics/words'
import { AT } from './devices/samples'
import { definition } from './feeds/feed-site'

const feed = (
  change: Partial<FeedFigures> = {},
  defined: Partial<FeedFigures['definition']> = {},
): FeedFigures => ({
  definition: definition(defined),
  run: NO_RUN,
  isHeld: false,
  records: countsOf(OUTCOMES),
  refused: countsOf(REFUSALS),
  ...change,
})
const NOW = AT + 60_000
/** Without what is 0. */
const told = (samples: readonly Sample[] = []): string[] =>
  samples.flatMap(({ labels = {}, value }) =>
    value === 0 ? [] : `${Object.values(labels).join(' ')} ${value}`,
  )

describe('the figures of feeds', () => {
  it('know all that can become of a record, and all reasons to refuse an event', () => {
    assert.deepEqual([RECORD_OUTCOMES, EVENT_REFUSALS], [OUTCOMES, REFUSALS])
  })

  for (const [name, one, age] of [
    ['since the last complete sweep', feed({ run: { ...NO_RUN, lastSweepAt: AT + 50_000 } }), ['mdm 10']],
    ['since it was added, before there was one', feed(), ['mdm 60']],
    ['as nothing, when the clock went back', feed({ run: { ...NO_RUN, lastSweepAt: AT + 70_000 } }), []],
    ['not by the events of a feed without sweeps', feed({}, { everyS: 0, of: 'mdm' }), []],
  ] as const)
    it(`tell the age ${name}`, () => {
      const figures = feedFigures([one], NOW)
      assert.deepEqual(told(figures.device_gate_feed_age_seconds), age)
      assert.equal(figures.device_gate_feed_interval_seconds?.length, one.definition.everyS > 0 ? 1 : 0)
    })

  it('tell what fails and what is held, and count by feed and by what became of it', () => {
    const problem = { kind: 'throttled' as const, message: 'x', since: AT }
    const figures = feedFigures(
      [
        feed({
          run: { ...NO_RUN, problem },
          isHeld: true,
          records: { ...countsOf(OUTCOMES), held: 3, bad: 1 },
        }),
        feed(
          {
            isHeld: true,
            records: { ...countsOf(OUTCOMES), held: 3 },
            refused: { ...countsOf(REFUSALS), other: 2 },
          },
          { name: 'events', of: 'mdm', everyS: 0 },
        ),
      ],
      NOW,
    )
    assert.deepEqual(told(figures.device_gate_feed_problem), ['mdm 1'])
    assert.deepEqual(told(figures.device_gate_feed_held), ['mdm 1'])
    assert.deepEqual(told(figures.device_gate_feed_records_total), ['mdm held 3', 'mdm bad 1'])
    assert.deepEqual(told(figures.device_gate_feed_refused_events_total), ['events other 2'])
    assert.equal(figures.device_gate_feed_problem?.length, 2)
    assert.equal(figures.device_gate_feed_held?.length, 1)
  })
})
