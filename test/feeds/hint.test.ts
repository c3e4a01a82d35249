import assert from 'node:assert/strict'

import { takeHint, type Hint } from '../../src/feeds/hint'
import type { FeedAnswer, FeedRequest } from '../../src/feeds/kind'
import { trialContext, type TrialContext } from './trial-context'

const SECRET = 'agreed: on'

describe('a hint from a source', () => {
  let context: TrialContext
  before(() => {
    process.env['TEST_HINT_SECRET'] = SECRET
  })
  beforeEach(() => {
    context = trialContext({}, { webhook: 'env:TEST_HINT_SECRET' })
  })

  const request = (change: Partial<FeedRequest> = {}): FeedRequest => ({
    method: 'POST',
    headers: { authorization: `Bearer ${SECRET}` },
    body: Buffer.from('["1","1","2"]'),
    ...change,
  })
  const take = async (
    reread: Hint['reread'] = () => Promise.resolve([]),
    change: Partial<FeedRequest> = {},
  ): Promise<FeedAnswer> => {
    const { answer } = await takeHint(context, request(change), (ids) => ({ ids: ids as string[], reread }))
    return answer
  }

  it('is followed up for each device once, and before it is answered', async () => {
    const asked: (readonly string[])[] = []
    const { readings, events, answer } = await takeHint(context, request(), (ids) => ({
      ids: ids as string[],
      reread: (devices) => {
        asked.push(devices)
        return Promise.resolve([{ place: 'd-1', problem: 'none' }])
      },
    }))
    assert.deepEqual([asked, readings.length, events.length, answer.status], [[['1', '2']], 1, 1, 202])
  })

  it('is put off while sixteen others are followed up, also when those fail', async () => {
    let end: (error: Error) => void = () => undefined
    const ended = new Promise<never>((_resolve, reject) => (end = reject))
    const others = Array.from({ length: 16 }, () => take(() => ended))
    const { status, headers } = await take()
    assert.deepEqual([status, headers['retry-after']], [503, '30'])
    end(new Error('the source is down'))
    for (const other of await Promise.allSettled(others)) assert.equal(other.status, 'rejected')
    assert.equal((await take()).status, 202)
  })

  for (const [name, authorization, status] of [
    ['as a bearer', `Bearer ${SECRET}`, 202],
    ['as a bearer in other letters', `bEARER ${SECRET}`, 202],
    ['as the password of anybody', basic(`anybody:${SECRET}`), 202],
    ['as a password without a user', basic(`:${SECRET}`), 202],
    ['as a user', basic(`${SECRET}:`), 401],
    ['as a user without a colon', basic('agreed'), 401],
    ['with something behind it', `Bearer ${SECRET} x`, 401],
    ['by another scheme', `Digest ${SECRET}`, 401],
    ['empty', 'Bearer ', 401],
    ['not at all', undefined, 401],
  ] as const)
    it(`that shows the secret ${name} is answered with ${status}`, async () => {
      assert.equal((await take(undefined, { headers: { authorization } })).status, status)
    })

  it('tells nobody the secret', async () => {
    for (const change of [{ headers: {} }, { method: 'GET' }, { body: Buffer.from(SECRET) }])
      assert.doesNotMatch(JSON.stringify(await take(undefined, change)), /agreed: on/)
  })
})

function basic(credentials: string): string {
  return `Basic ${Buffer.from(credentials).toString('base64')}`
}
