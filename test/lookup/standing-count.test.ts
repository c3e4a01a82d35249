import assert from 'node:assert/strict'

import { StandingCount, type StandingFigures } from '../../src/lookup/standing-count'
import { override, policy, record } from '../devices/samples'
import { eventually } from '../support/eventually'
import { tempDirs } from '../support/temp-dir'
import { TrialSite } from './trial-site'

describe('the count of who is blocked now', () => {
  const tempDir = tempDirs()
  let site: TrialSite
  let count: StandingCount | undefined

  beforeEach(async () => {
    site = new TrialSite(tempDir())
    const evidenceAt = site.now
    await site.store.putDevices([
      ...Array.from({ length: 600 }, (_, i) => record({ id: `d-${i}`, evidenceAt })),
      record({ id: 'n-1', state: 'noncompliant', evidenceAt }),
      record({ id: 'n-2', state: 'noncompliant', owners: ['ben@example.com'], evidenceAt }),
      record({ id: 'g-1', state: 'grace', evidenceAt }),
    ])
  })
  afterEach(async () => {
    await count?.close()
    count = undefined
    await site.close()
  })

  const by = { author: 'ops', reason: 'a test', at: 0 }
  const apply = (change: Parameters<typeof policy>[0] = {}): Promise<unknown> =>
    site.store.applyPolicy(policy({ mandates: [], ...change }), JSON.stringify(change), by)
  const counted = (expected: Partial<StandingFigures>): Promise<void> =>
    eventually(() => {
      const { figures } = (count ??= new StandingCount(site.lookup, assert.ifError))
      assert.ok(figures)
      for (const [key, value] of Object.entries(expected))
        assert.equal(figures[key as keyof StandingFigures], value, key)
    })

  it('goes over all devices, each as it stands when it proves itself', async () => {
    await apply()
    await counted({ devices: 603, blocked: 2, warned: 1, wouldBlock: 0, wouldWarn: 0, countedAt: site.now })
  })

  it('tells apart what mode monitor only notes', async () => {
    await apply({ mode: 'monitor' })
    await counted({ blocked: 0, warned: 0, wouldBlock: 2, wouldWarn: 1 })
  })

  it('is made anew after an order', async () => {
    await apply()
    await counted({ blocked: 2 })
    await site.store.putOverride(
      override({ kind: 'lock', subject: { kind: 'user', id: 'ben@example.com' }, expiresAt: null }),
    )
    await site.store.putOverride(
      override({ subject: { kind: 'device', id: 'n-1' }, expiresAt: site.now + 1000 }),
    )
    await counted({ blocked: 1 })
  })

  it('is nothing before the first policy', async () => {
    await counted({ devices: 0, blocked: 0 })
  })
})
