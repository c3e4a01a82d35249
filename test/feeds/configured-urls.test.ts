import assert from 'node:assert/strict'

import { readSettings } from '../../src/config/settings'
import { FeedError } from '../../src/feeds/feed-error'
import type { FeedKind, Settings } from '../../src/feeds/kind'
import { caepPollKind } from '../../src/feeds/kinds/caep-poll'
import { caepPushKind } from '../../src/feeds/kinds/caep-push'
import { fleetdmKind } from '../../src/feeds/kinds/fleetdm'
import { httpKind } from '../../src/feeds/kinds/http'
import { intuneKind } from '../../src/feeds/kinds/intune'
import { jamfKind } from '../../src/feeds/kinds/jamf'
import { FORBIDDEN_URLS } from './forbidden-urls'
import { json, LocalSource } from './local-source'
import { trialContext } from './trial-context'

const SET = { issuer: 'https://idp.example.com', audience: 'gate' }
const INTUNE = {
  tenant: '11111111-2222-3333-4444-555555555555',
  client_id: '11111111-2222-3333-4444-555555555555',
}

interface Case {
  readonly kind: FeedKind
  readonly key: string
  /** Settings with the URL in that key; `good`: a server that has keys and gives tokens. */
  readonly settings: (url: string, good: string) => Settings
  /** What is asked there on the way, and nowhere else. */
  readonly asked?: readonly string[]
}

const CASES: readonly Case[] = [
  { kind: httpKind, key: 'url', settings: (url) => ({ url }) },
  { kind: caepPushKind, key: 'jwks_uri', settings: (url) => ({ ...SET, jwks_uri: url }) },
  { kind: caepPushKind, key: 'issuer', settings: (url) => ({ ...SET, issuer: url }) },
  { kind: caepPollKind, key: 'jwks_uri', settings: (url) => ({ ...SET, jwks_uri: url }) },
  { kind: caepPollKind, key: 'issuer', settings: (url) => ({ ...SET, issuer: url }) },
  {
    kind: caepPollKind,
    key: 'endpoint',
    settings: (url, good) => ({ ...SET, jwks_uri: `${good}/keys`, endpoint: url }),
    asked: ['/keys'],
  },
  { kind: intuneKind, key: 'login_url', settings: (url) => ({ ...INTUNE, login_url: url }) },
  {
    kind: intuneKind,
    key: 'graph_url',
    settings: (url, good) => ({ ...INTUNE, login_url: good, graph_url: url }),
    asked: [`/${INTUNE.tenant}/oauth2/v2.0/token`],
  },
  { kind: jamfKind, key: 'url', settings: (url) => ({ url, client_id: 'gate' }) },
  { kind: fleetdmKind, key: 'url', settings: (url) => ({ url }) },
]

describe('a URL in the settings of a feed', () => {
  let good: LocalSource
  before(async () => {
    process.env['TEST_FEED_SECRET'] = 'feed-secret'
    good = await LocalSource.start(() =>
      json({ keys: [], access_token: 'token-of-the-test', expires_in: 3600 }),
    )
  })
  beforeEach(() => (good.seen.length = 0))
  after(() => good.close())

  for (const { kind, key, settings, asked = [] } of CASES) {
    for (const [name, url] of Object.entries(FORBIDDEN_URLS)) {
      it(`is refused, or not asked, where it is ${name}: ${key} of ${kind.kind}`, async () => {
        const reading = readSettings(kind.settingsSchema, settings(url, good.url))
        if (!reading.ok) {
          for (const problem of reading.problems) assert.ok(problem.startsWith(`${key}: must be `), problem)
          return
        }
        const secrets = Object.fromEntries(
          kind.secrets.map((secret) => [secret.replace('?', ''), 'env:TEST_FEED_SECRET']),
        )
        const context = trialContext(reading.value, secrets)
        await assert.rejects(
          kind.test?.(context) ?? Promise.resolve(),
          (error) =>
            error instanceof FeedError &&
            error.kind === 'refused_url' &&
            !/feed-secret|token-of-the-test/.test(error.message),
        )
        assert.deepEqual(context.waits, [], 'and not again')
        assert.deepEqual(
          good.seen.map((request) => request.url.pathname),
          asked,
        )
      })
    }
  }

  it('is refused where events are polled, and their token is shown to nobody', async () => {
    const settings = { ...SET, jwks_uri: `${good.url}/keys`, endpoint: 'https://169.254.169.254/poll' }
    const context = trialContext(settings, { 'api-token': 'env:TEST_FEED_SECRET' })
    await assert.rejects(caepPollKind.poll!(context).next(), { kind: 'refused_url' })
    assert.equal(good.seen.length, 0)
  })
})
