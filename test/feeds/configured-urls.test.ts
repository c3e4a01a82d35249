import assert from 'node:assert/strict'

import { readSettings } from '../../src/config/settings'
import { FeedError } from '../../src/feeds/feed-error'
import type { FeedKind, Settings } from '../../src/feeds/kind'
import { caepPollKind } from '../../src/feeds/kinds/caep-poll'
import { caepPushKind } from '../../src/feeds/kinds/caep-push'
import { httpKind } from '../../src/feeds/kinds/http'
import { intuneKind } from '../../src/feeds/kinds/intune'
import { jamfKind } from '../../src/feeds/kinds/jamf'
import { trialContext } from './trial-context'

const SET = { issuer: 'https://idp.example.com', audience: 'gate' }
const INTUNE = {
  tenant: '11111111-2222-3333-4444-555555555555',
  client_id: '11111111-2222-3333-4444-555555555555',
}

/** Settings of each kind with one URL in them. */
const KINDS: readonly (readonly [kind: FeedKind, key: string, settings: (url: string) => Settings])[] = [
  [httpKind, 'url', (url) => ({ url })],
  [caepPushKind, 'jwks_uri', (url) => ({ ...SET, jwks_uri: url })],
  [caepPushKind, 'issuer', (url) => ({ ...SET, issuer: url })],
  [caepPollKind, 'jwks_uri', (url) => ({ ...SET, jwks_uri: url })],
  [intuneKind, 'login_url', (url) => ({ ...INTUNE, login_url: url })],
  [jamfKind, 'url', (url) => ({ url, client_id: 'gate' })],
]

/** Whoever writes settings may name a private address of the site, and never these. */
const URLS: Readonly<Record<string, string>> = {
  'a file': 'file:///etc/passwd',
  'cloud metadata': 'http://169.254.169.254/latest/meta-data',
  'cloud metadata by https': 'https://169.254.169.254',
  'cloud metadata in IPv6 clothes': 'https://[::ffff:169.254.169.254]',
  'cloud metadata as one number': 'https://2852039166',
  'a link-local address': 'https://[fe80::1]',
  'nobody’s address': 'https://0.0.0.0',
  'a private address by http': 'http://10.0.0.1',
  data: 'data:text/plain,x',
}

describe('a URL in the settings of a feed', () => {
  before(() => {
    process.env['TEST_FEED_SECRET'] = 'feed-secret'
  })

  for (const [kind, key, settings] of KINDS) {
    for (const [name, url] of Object.entries(URLS)) {
      it(`is refused, or not asked, where it is ${name}: ${key} of ${kind.kind}`, async () => {
        const reading = readSettings(kind.settingsSchema, settings(url))
        if (!reading.ok) {
          assert.deepEqual(
            reading.problems.map((problem) => problem.startsWith(`${key}: must be `)),
            [true],
          )
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
            !error.message.includes('feed-secret'),
        )
        assert.deepEqual(context.waits, [], 'and not again')
      })
    }
  }
})
