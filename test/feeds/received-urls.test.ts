import assert from 'node:assert/strict'

import { FeedError } from '../../src/feeds/feed-error'
import type { FeedKind, Settings } from '../../src/feeds/kind'
import { caepPollKind } from '../../src/feeds/kinds/caep-poll'
import { caepPushKind } from '../../src/feeds/kinds/caep-push'
import { fleetdmKind } from '../../src/feeds/kinds/fleetdm'
import { httpKind } from '../../src/feeds/kinds/http'
import { intuneKind } from '../../src/feeds/kinds/intune'
import { jamfKind } from '../../src/feeds/kinds/jamf'
import { AUDIENCE, Transmitter } from './caep/transmitter'
import { FORBIDDEN_URLS } from './forbidden-urls'
import { json, LocalSource, type Answer, type SeenRequest } from './local-source'
import { trialContext, type TrialContext } from './trial-context'

const SECRET = 'feed-secret'

/** What an answer may not lead to either: only settings may name an address of the site. */
const URLS: Readonly<Record<string, string>> = {
  ...FORBIDDEN_URLS,
  'a private address': 'https://10.0.0.1/x',
  'a private address in octal': 'https://0012.0.0.1/x',
  'a private address in IPv6 clothes': 'https://[::ffff:10.0.0.1]/x',
  'another loopback address': 'http://127.0.0.2/x',
  'this host by name': 'https://localhost:1/x',
  'a private address by IPv6': 'https://[fd12::1]/x',
}

function contextOf(kind: FeedKind, settings: Settings): TrialContext {
  const secrets = kind.secrets.map((secret) => [secret.replace('?', ''), 'env:TEST_FEED_SECRET'])
  return trialContext(settings, Object.fromEntries(secrets) as Record<string, string>)
}

async function assertRefused(work: Promise<unknown>, context: TrialContext): Promise<void> {
  await assert.rejects(
    work,
    (error) => error instanceof FeedError && error.kind === 'refused_url' && !error.message.includes(SECRET),
  )
  assert.deepEqual(context.waits, [], 'it was tried again')
}

describe('a URL that a source sends', () => {
  before(() => {
    process.env['TEST_FEED_SECRET'] = SECRET
  })

  describe('in a redirect', () => {
    let source: LocalSource
    beforeEach(async () => (source = await LocalSource.start(() => ({ status: 500 }))))
    afterEach(() => source.close())

    interface Asked {
      readonly kind: FeedKind
      /** What a request is answered with before it comes to the redirect; undefined: this is where it comes. */
      readonly before: (request: SeenRequest) => Answer | undefined
      readonly settings: (url: string) => Settings
      /** POST is never led elsewhere, wherever that is. */
      readonly method: 'GET' | 'POST'
    }
    const token = ({ method }: SeenRequest): Answer | undefined =>
      method === 'POST' ? json({ access_token: 'token', expires_in: 3600 }) : undefined
    const none = (): undefined => undefined
    const intune = (url: string): Settings => ({
      tenant: 'example.com',
      client_id: 'gate',
      login_url: url,
      graph_url: url,
      apps: [],
      device_id: 'id',
    })
    const jamf = (url: string): Settings => ({
      url,
      client_id: 'gate',
      noncompliant_mobile_groups: ['1'],
      noncompliant_computer_groups: [],
      computers: false,
      apps: [],
      device_id: 'serial',
    })
    const set = (url: string): Settings => ({ issuer: url, audience: AUDIENCE })
    const ASKED: Readonly<Record<string, Asked>> = {
      'the URL of kind http': { kind: httpKind, before: none, settings: (url) => ({ url }), method: 'GET' },
      'the login of Intune': { kind: intuneKind, before: none, settings: intune, method: 'POST' },
      Graph: { kind: intuneKind, before: token, settings: intune, method: 'GET' },
      'the login of Jamf Pro': { kind: jamfKind, before: none, settings: jamf, method: 'POST' },
      'Jamf Pro': { kind: jamfKind, before: token, settings: jamf, method: 'GET' },
      Fleet: {
        kind: fleetdmKind,
        before: none,
        settings: (url) => ({ url, policies: [], apps: [], device_id: 'serial' }),
        method: 'GET',
      },
      'the discovery of a transmitter': { kind: caepPushKind, before: none, settings: set, method: 'GET' },
      'its keys': {
        kind: caepPushKind,
        before: none,
        settings: (url) => ({ ...set(url), jwks_uri: `${url}/keys` }),
        method: 'GET',
      },
      'its events': {
        kind: caepPollKind,
        before: ({ method }) => (method === 'GET' ? json({ keys: [] }) : undefined),
        settings: (url) => ({ ...set(url), jwks_uri: `${url}/keys`, endpoint: `${url}/poll` }),
        method: 'POST',
      },
    }
    for (const [place, { kind, before: earlier, settings, method }] of Object.entries(ASKED))
      for (const [name, location] of Object.entries(URLS))
        it(`is not followed from ${place} to ${name}`, async () => {
          const led: string[] = []
          source.answer = (request) => {
            const first = earlier(request)
            if (first) return first
            led.push(request.method)
            return { status: 302, headers: { location: location.replace(/[^ -~]/g, encodeURIComponent) } }
          }
          const context = contextOf(kind, settings(source.url))
          await assertRefused(kind.test!(context), context)
          assert.deepEqual(led, [method])
        })
  })

  describe('in the discovery document of a transmitter', () => {
    let transmitter: Transmitter
    beforeEach(async () => (transmitter = await Transmitter.start()))
    afterEach(() => transmitter.source.close())

    /** The transmitter names `url` as that endpoint of its. */
    function lead(endpoint: string, url: string): void {
      const answer = transmitter.answer.bind(transmitter)
      transmitter.source.answer = (request) => {
        const given = answer(request)
        const isDiscovery = request.url.pathname.startsWith('/.well-known')
        if (!isDiscovery || given === 'hang') return given
        return json({ ...(JSON.parse(given.body ?? '{}') as object), [endpoint]: url })
      }
    }
    const poll = async (kind: FeedKind, context: TrialContext): Promise<unknown> => kind.poll!(context).next()
    const pushed = { delivery_url: 'https://gate.example.com/feeds/caep/events' }

    for (const endpoint of ['configuration_endpoint', 'status_endpoint', 'verification_endpoint'])
      for (const [name, url] of Object.entries(URLS))
        it(`is not asked as ${endpoint} where it is ${name}`, async () => {
          lead(endpoint, url)
          for (const [kind, settings] of [
            [caepPollKind, {}],
            [caepPushKind, pushed],
          ] as const) {
            const context = contextOf(kind, { issuer: transmitter.issuer, audience: AUDIENCE, ...settings })
            await assertRefused(poll(kind, context), context)
          }
        })

    for (const [name, url] of Object.entries(URLS)) {
      it(`is not asked as jwks_uri where it is ${name}`, async () => {
        lead('jwks_uri', url)
        const context = contextOf(caepPollKind, { issuer: transmitter.issuer, audience: AUDIENCE })
        await assertRefused(caepPollKind.test!(context), context)
      })

      it(`is not polled, as the stream's endpoint, where it is ${name}`, async () => {
        const answer = transmitter.answer.bind(transmitter)
        transmitter.source.answer = (request) => {
          const given = answer(request)
          if (request.method !== 'POST' || request.url.pathname !== '/streams' || given === 'hang')
            return given
          const stream = JSON.parse(given.body ?? '{}') as { delivery: object }
          return json({ ...stream, delivery: { ...stream.delivery, endpoint_url: url } })
        }
        const context = contextOf(caepPollKind, { issuer: transmitter.issuer, audience: AUDIENCE })
        await assertRefused(poll(caepPollKind, context), context)
        assert.equal(transmitter.polls.length, 0)
      })
    }
  })
})
