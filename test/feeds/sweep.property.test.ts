import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import fc from 'fast-check'

import { FeedError } from '../../src/feeds/feed-error'
import type { FeedPage } from '../../src/feeds/kind'
import type { DeviceRecord } from '../../src/policy/device'
import { AT } from '../devices/samples'
import { device, FeedSite, pageOf } from './feed-site'

const DEVICES = 9
/** Only these leave the source: more at once would be its mistake, and held. */
const LEAVING = 3
const PAGE = 4
const STATES = ['compliant', 'noncompliant', 'grace', 'unknown'] as const

/** A device manager: each change gets the next version. */
class Source {
  readonly #devices = new Map<string, DeviceRecord>()
  /** The truth as it was, for pages that come late. */
  readonly #former: DeviceRecord[][] = []
  #version = 0

  constructor() {
    for (let i = 0; i < DEVICES; i += 1) this.change(i, 0)
    // A half of them would be held as too few.
    this.#former.splice(0, DEVICES - 1)
  }

  change(i: number, state: number): void {
    this.#version += 1
    const evidenceAt = AT + this.#version * 1000
    const change = { version: this.#version, state: STATES[state % STATES.length] ?? 'unknown', evidenceAt }
    this.#devices.set(`d-${i}`, device(`d-${i}`, change))
    this.#remember()
  }

  leave(i: number): void {
    this.#devices.delete(`d-${i % LEAVING}`)
    this.#remember()
  }

  now(): DeviceRecord[] {
    return [...this.#devices.values()]
  }

  before(steps: number): DeviceRecord[] {
    return this.#former.at(-1 - (steps % this.#former.length)) ?? []
  }

  #remember(): void {
    this.#former.push(this.now())
  }
}

/** In pages, in an order of their own, with one of them repeated. */
function pagesOf(records: readonly DeviceRecord[], turn: number): FeedPage[] {
  const turned = [...records.slice(turn % DEVICES), ...records.slice(0, turn % DEVICES)]
  const pages: FeedPage[] = []
  for (let from = 0; from < turned.length; from += PAGE) pages.push(pageOf(turned.slice(from, from + PAGE)))
  return [...pages, pages[turn % Math.max(1, pages.length)] ?? []]
}

type Step =
  | { readonly do: 'change'; readonly i: number; readonly state: number }
  | { readonly do: 'leave'; readonly i: number }
  /** The process is killed: what was only in memory is gone. */
  | { readonly do: 'restart' }
  /** Of the truth some changes ago; broken off after so many pages, if it has them. */
  | { readonly do: 'sweep'; readonly ago: number; readonly turn: number; readonly pages: number }
  /** Pages of two sweeps, one of another process, by turns. */
  | { readonly do: 'two sweeps'; readonly ago: number; readonly turn: number }

const nat = fc.nat({ max: 20 })
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('change' as const),
    i: fc.nat({ max: DEVICES - 1 }),
    state: fc.nat({ max: 3 }),
  }),
  fc.record({ do: fc.constant('leave' as const), i: nat }),
  fc.record({ do: fc.constant('restart' as const) }),
  fc.record({ do: fc.constant('sweep' as const), ago: nat, turn: nat, pages: fc.nat({ max: 6 }) }),
  fc.record({ do: fc.constant('two sweeps' as const), ago: nat, turn: nat }),
)

describe('sweeps', function () {
  this.timeout(120_000)

  it('leave the truth of the source behind, once a complete one came through after whatever was before', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 14 }), nat, async (steps, turn) => {
        const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'device-gate-'))
        const site = new FeedSite(dir, { percent: 100, count: 1_000_000, windowS: 3600 })
        try {
          const source = new Source()
          for (const one of steps) await take(site, source, one)
          const { error, goneHeld } = await site.sweep(pagesOf(source.now(), turn))
          assert.deepEqual([error, goneHeld], [null, null])
          assertTruth(site, source)
        } finally {
          await site.close()
          fs.rmSync(dir, { recursive: true })
        }
      }),
      { numRuns: 60 },
    )
  })
})

async function take(site: FeedSite, source: Source, step: Step): Promise<void> {
  switch (step.do) {
    case 'change': {
      source.change(step.i, step.state)
      return
    }
    case 'leave': {
      source.leave(step.i)
      return
    }
    case 'restart': {
      site.restart()
      return
    }
    case 'sweep': {
      const pages: (FeedPage | Error)[] = pagesOf(source.before(step.ago), step.turn)
      pages.splice(
        step.pages,
        Infinity,
        ...(step.pages < pages.length ? [new FeedError('unreachable', 'cut')] : []),
      )
      await site.sweep(pages)
      return
    }
    case 'two sweeps': {
      const other = site.otherProcess()
      await Promise.all([
        site.sweep(pagesOf(source.before(step.ago), step.turn)),
        site.sweep(pagesOf(source.now(), step.turn + 1), {}, undefined, other),
      ])
    }
  }
}

/** Version and evidence may lag behind: what only they say is not worth writing. */
function assertTruth(site: FeedSite, source: Source): void {
  const truth = new Map(source.now().map((one) => [one.id, one]))
  const replica = site.replica()
  for (const [id, { state, findings, owners, platform }] of truth) {
    const found = replica.get(id)
    assert.deepEqual(
      found && {
        state: found.state,
        findings: found.findings,
        owners: found.owners,
        platform: found.platform,
      },
      { state, findings, owners, platform },
      id,
    )
  }
  for (const [id, { state, findings }] of replica) {
    if (!truth.has(id)) assert.deepEqual([state, findings], ['unknown', ['source:gone']], id)
  }
}
