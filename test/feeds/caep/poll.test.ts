import assert from 'node:assert/strict'

import { takeSet } from '../../../src/feeds/caep/receiver'
import { VERIFY_MS } from '../../../src/feeds/caep/stream'
import type { FeedEvents } from '../../../src/feeds/kind'
import { caepPollKind } from '../../../src/feeds/kinds/caep-poll'
import { caepPushKind } from '../../../src/feeds/kinds/caep-push'
import { trialContext, type TrialContext } from '../trial-context'
import { AUDIENCE, Transmitter, VERIFICATION } from './transmitter'

describe('a stream of SETs', () => {
  let transmitter: Transmitter
  let context: TrialContext
  let at: number
  before(() => {
    process.env['TEST_API_TOKEN'] = 'api-secret'
  })
  beforeEach(async () => {
    transmitter = await Transmitter.start()
    at = Date.now()
    context = contextOf({})
  })
  afterEach(() => transmitter.source.close())

  const contextOf = (settings: object): TrialContext =>
    trialContext(
      { issuer: transmitter.issuer, audience: AUDIENCE, ...settings },
      { 'api-token': 'env:TEST_API_TOKEN' },
      () => at,
    )

  async function next(poll: AsyncGenerator<FeedEvents>): Promise<FeedEvents> {
    const { value } = (await poll.next()) as IteratorYieldResult<FeedEvents>
    return value
  }
  const idsOf = ({ readings }: FeedEvents): string[] =>
    readings.map((one) => ('change' in one ? one.change.id : ''))

  describe('that is polled (RFC 8936)', () => {
    it('acknowledges a SET when it is asked for more, which is when it was written', async () => {
      context = contextOf({ endpoint: `${transmitter.issuer}/poll` })
      const jti = transmitter.queue(await transmitter.change('d-1', 'not-compliant'))
      const poll = caepPollKind.poll!(context)
      assert.deepEqual(idsOf(await next(poll)), ['d-1'])
      assert.deepEqual([...transmitter.waiting.keys()], [jti], 'it is kept until it is acknowledged')
      await next(poll)
      assert.deepEqual([transmitter.polls[1]?.ack, transmitter.waiting.size], [[jti], 0])
      await next(poll)
      assert.deepEqual(transmitter.polls[2]?.ack, [])
    })

    it('tells in setErrs what it refuses, and takes the rest', async () => {
      context = contextOf({ endpoint: `${transmitter.issuer}/poll` })
      const bad = transmitter.queue(await transmitter.sign(transmitter.claims({ aud: 'someone' })))
      transmitter.waiting.set('another', await transmitter.change('d-3', 'compliant'))
      transmitter.queue(await transmitter.change('d-2', 'compliant'))
      const poll = caepPollKind.poll!(context)
      const taken = await next(poll)
      assert.deepEqual(idsOf(taken), ['d-2'])
      assert.deepEqual([...(taken.refused ?? [])].sort(), ['invalid_audience', 'invalid_request'])
      await next(poll)
      const { setErrs = {} } = transmitter.polls[1] ?? {}
      assert.deepEqual([setErrs[bad]?.err, setErrs['another']?.err], ['invalid_audience', 'invalid_request'])
      assert.equal(transmitter.waiting.size, 0)
    })

    it('acknowledges what it knows already without bringing it again', async () => {
      context = contextOf({ endpoint: `${transmitter.issuer}/poll` })
      const jti = transmitter.queue(await transmitter.change('d-1', 'compliant'))
      const poll = caepPollKind.poll!({ ...context, isKnown: (event) => event === jti })
      assert.deepEqual(await next(poll).then(({ readings, events }) => [readings, events]), [[], []])
      await next(poll)
      assert.deepEqual(transmitter.polls[1]?.ack, [jti])
    })

    it('waits when there is nothing, and shows its token', async () => {
      context = contextOf({ endpoint: `${transmitter.issuer}/poll` })
      const poll = caepPollKind.poll!(context)
      await next(poll)
      await next(poll)
      assert.deepEqual(context.waits, [2000])
      assert.equal(transmitter.source.seen.at(-1)?.headers.authorization, 'Bearer api-secret')
    })

    for (const [name, answer, problem] of [
      ['401', { status: 401 }, 'credentials'],
      ['403', { status: 403 }, 'permission'],
      ['no sets', { status: 200, body: '{}' }, 'answer'],
      ['no JSON', { status: 200, body: 'sets' }, 'answer'],
    ] as const)
      it(`ends with what is wrong: ${name}`, async () => {
        context = contextOf({ endpoint: `${transmitter.issuer}/poll` })
        transmitter.source.answer = () => answer
        await assert.rejects(next(caepPollKind.poll!(context)), { kind: problem })
      })

    it('is tried without an event being taken, or a stream made', async () => {
      transmitter.queue(await transmitter.change('d-1', 'compliant'))
      context = contextOf({ endpoint: `${transmitter.issuer}/poll` })
      const { facts } = await caepPollKind.test!(context)
      const { host } = new URL(transmitter.issuer)
      assert.deepEqual(facts, [`1 keys of ${transmitter.issuer}`, `may poll at ${host}`])
      assert.deepEqual(transmitter.polls, [{ maxEvents: 0, returnImmediately: true }])
      assert.deepEqual(
        [transmitter.source.seen.at(-1)?.headers.authorization, transmitter.waiting.size],
        ['Bearer api-secret', 1],
      )
      assert.match((await caepPollKind.test!(contextOf({}))).facts[1] ?? '', /^may ask for streams at 127/)
      assert.deepEqual([transmitter.streams, context.kept.size], [[], 0])
    })

    for (const [name, kind, settings] of [
      ['its endpoint', caepPollKind, { endpoint: 'POLL' }],
      ['its stream', caepPollKind, {}],
      [
        'its stream that is pushed',
        caepPushKind,
        { delivery_url: 'https://gate.example.com/feeds/c/events' },
      ],
    ] as const)
      it(`fails the trial when ${name} refuses the token`, async () => {
        const answer = transmitter.answer.bind(transmitter)
        transmitter.source.answer = (request) =>
          ['/poll', '/streams'].includes(request.url.pathname) ? { status: 401 } : answer(request)
        const endpoint = 'endpoint' in settings ? { endpoint: `${transmitter.issuer}/poll` } : {}
        await assert.rejects(kind.test!(contextOf({ ...settings, ...endpoint })), { kind: 'credentials' })
      })

    it('makes its stream once, and finds it again', async () => {
      await next(caepPollKind.poll!(context))
      await next(caepPollKind.poll!(context))
      assert.equal(transmitter.streams.length, 1)
      const { delivery, events_requested: events } = transmitter.streams[0] as Record<string, object>
      assert.deepEqual((delivery as { method: string }).method, 'urn:ietf:rfc:8936')
      assert.deepEqual(events, [
        'https://schemas.openid.net/secevent/caep/event-type/device-compliance-change',
      ])
      transmitter.streams.length = 0
      await next(caepPollKind.poll!(context))
      assert.equal(transmitter.streams.length, 1, 'one that is gone is made anew')
    })
  })

  describe('that is pushed', () => {
    beforeEach(() => (context = contextOf({ delivery_url: 'https://gate.example.com/feeds/caep/events' })))

    const verificationEvent = async (state: string): Promise<string> =>
      transmitter.sign(
        transmitter.claims({
          sub_id: { format: 'opaque', id: 'stream-1' },
          events: { [VERIFICATION]: { state } },
        }),
      )

    it('is asked for a verification event now and then, which is its sign of life', async () => {
      const keeper = caepPushKind.poll!(context)
      await next(keeper)
      const [asked] = transmitter.verifications
      assert.equal(asked?.stream_id, 'stream-1')
      await takeSet(context, await verificationEvent(asked.state))
      at += VERIFY_MS
      await next(keeper)
      assert.equal(transmitter.verifications.length, 2)
      assert.notEqual(transmitter.verifications[1]?.state, asked.state)
    })

    it('is out of order when that event does not come, or another does', async () => {
      const keeper = caepPushKind.poll!(context)
      await next(keeper)
      await takeSet(context, await verificationEvent('made up'))
      at += 6 * 60_000
      await assert.rejects(next(keeper), /did not come/)
    })

    it('is out of order when the transmitter has paused it', async () => {
      transmitter.status = 'paused'
      await assert.rejects(next(caepPushKind.poll!(context)), /the stream is paused: a test/)
    })
  })
})
