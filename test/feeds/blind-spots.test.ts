import assert from 'node:assert/strict'

import { blindSpots } from '../../src/feeds/blind-spots'
import { FEED_KINDS } from '../../src/feeds/kinds'
import type { Mandate } from '../../src/policy/policy'
import { policy } from '../devices/samples'
import { definition } from './feed-site'

const [SAMPLE] = policy().mandates
const mandate = (id: string, finding: string, ...appIds: string[]): Mandate => ({
  ...SAMPLE!,
  id,
  finding,
  ...(appIds.length > 0 && { appIds }),
})
const BY_ID = mandate('by-id', 'app:com.zhiliaoapp.musically')
const BY_NAME = mandate(
  'by-name',
  'app:tiktok',
  'app:com.zhiliaoapp.musically',
  'app:com.ss.android.ugc.trill',
)
const GAME = mandate('game', 'app:com.Example.Game')
const MANDATES = [BY_ID, BY_NAME, GAME, mandate('jailbreak', 'device:jailbroken')]

describe('mandates about apps that a feed does not look for', () => {
  for (const [name, kind, apps, blind] of [
    ['are those of other ids', 'jamf', ['com.zhiliaoapp.musically'], ['game']],
    ['are none of a name, which stands for its ids', 'jamf', ['tiktok', 'com.Example.Game'], []],
    [
      'are those in another spelling: findings are compared to the letter',
      'jamf',
      ['tiktok', 'com.example.game'],
      ['game'],
    ],
    ['are those by id, where the manager knows names', 'intune', ['tiktok'], ['by-id', 'game']],
    [
      'are none that the manager calls by what looks like an id',
      'intune',
      ['tiktok', 'com.Example.Game'],
      ['by-id'],
    ],
    ['are none where every device says that nobody looked', 'intune', [], []],
    ['are none of a feed that is not asked about apps', 'file', undefined, []],
    ['are none of a kind that this version does not know', 'moon', ['x'], []],
  ] as const)
    it(name, () => {
      const settings = apps === undefined ? {} : { apps }
      assert.deepEqual(blindSpots(definition({ kind, settings }), policy({ mandates: MANDATES })), blind)
    })

  it('can be told of each kind that has apps in its settings', () => {
    for (const { kind, settingsSchema, apps } of FEED_KINDS) {
      const { properties } = settingsSchema as { readonly properties: object }
      assert.equal(apps !== undefined, 'apps' in properties, kind)
    }
  })

  it('are none without a policy', () => {
    assert.deepEqual(blindSpots(definition({ kind: 'jamf', settings: { apps: ['x'] } }), undefined), [])
  })
})
