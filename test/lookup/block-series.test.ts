import assert from 'node:assert/strict'

import { BlockSeries } from '../../src/lookup/block-series'
import { HostBlocks } from '../../src/lookup/blocks-source'
import { entry } from '../journal/samples'
import { eventually } from '../support/eventually'
import { tempDirs } from '../support/temp-dir'
import { TrialSite } from './trial-site'

const HALF_HOUR_MS = 1_800_000
const HOUR_MS = 3_600_000

describe('the blocks of a day by half hours', () => {
  const tempDir = tempDirs()
  let site: TrialSite
  let series: BlockSeries | undefined
  beforeEach(() => (site = new TrialSite(tempDir())))
  afterEach(async () => {
    await series?.close()
    series = undefined
    await site.close()
  })

  /** Each of a case of its own, so that none is folded. */
  let cases = 0
  const write = async (...changes: Parameters<typeof entry>[0][]): Promise<void> => {
    for (const change of changes) site.journal.append(entry({ user: `u-${(cases += 1)}`, ...change }))
    await site.journal.drain()
  }
  const start = (open = () => Promise.resolve(new HostBlocks(site.journal))): BlockSeries =>
    (series = new BlockSeries(
      open,
      () => site.now,
      () => undefined,
    ))
  const told = (of: BlockSeries): (readonly [blocks: number, warnings: number, wouldBlocks: number])[] =>
    of
      .series()
      .map(({ blocks, warnings, wouldBlocks }) => [blocks, warnings, wouldBlocks] as const)
      .filter((counts) => counts.some((count) => count > 0))

  it('are 48 up to now, and counted by what was done', async () => {
    const time = site.now
    await write(
      { time: time - 25 * HOUR_MS },
      { time: time - 10 * HOUR_MS },
      { time: time - 10 * HOUR_MS, outcome: 'warn' },
      { time, enforced: false },
      { time, repeats: 7 },
      { time, outcome: 'allow', reason: 'fault_open' },
    )
    const of = start()
    await eventually(() =>
      assert.deepEqual(told(of), [
        [1, 1, 0],
        [7, 0, 1],
      ]),
    )
    const halves = of.series()
    assert.equal(halves.length, 48)
    assert.ok(halves.every(({ time: at }, i) => i === 0 || at - (halves[i - 1]?.time ?? 0) === HALF_HOUR_MS))
    const newest = halves.at(-1)?.time ?? 0
    assert.ok(newest <= time && time < newest + HALF_HOUR_MS)
  })

  it('go on as new ones come, and leave those of yesterday behind', async () => {
    const of = start()
    await write({ time: site.now })
    await eventually(() => assert.deepEqual(told(of), [[1, 0, 0]]))
    await write({ time: site.now })
    await eventually(() => assert.deepEqual(told(of), [[2, 0, 0]]))
    site.now += 25 * HOUR_MS
    assert.deepEqual(told(of), [])
  })
})

describe('the place of a moment in the journal', () => {
  const tempDir = tempDirs()

  it('is before all that is not older, and not far before', async () => {
    const site = new TrialSite(tempDir())
    const first = site.now - 100 * HOUR_MS
    for (let hour = 0; hour < 100; hour += 1)
      site.journal.append(entry({ time: first + hour * HOUR_MS, user: `u-${hour}` }))
    await site.journal.drain()
    const source = new HostBlocks(site.journal)
    for (const hour of [0, 1, 37, 99]) {
      const { blocks } = await source.after(await source.cursorAt(first + hour * HOUR_MS), 1000)
      assert.equal(blocks.length, 100 - hour, `hour ${hour}`)
    }
    assert.deepEqual((await source.after(await source.cursorAt(site.now + HOUR_MS), 10)).blocks, [])
    await site.close()
  })
})
