import assert from 'node:assert/strict'

import { formatDeviceRecord } from '../../../src/devices/record'
import { httpKind } from '../../../src/feeds/kinds/http'
import type { DeviceRecord } from '../../../src/policy/device'
import { tempDirs } from '../../support/temp-dir'
import { answerMsOf, LASTING_FAULTS, PASSING_FAULTS } from '../faults'
import { device, devices, FeedSite } from '../feed-site'
import { LocalSource } from '../local-source'

/** A sweep of a thousand devices and a few is two pages. */
const COUNT = 1005
/** Of one request. */
const TRIES = 4
const ndjson = (records: readonly DeviceRecord[]): string =>
  records.map((one) => `${JSON.stringify(formatDeviceRecord(one))}\n`).join('')

describe('a feed of kind http', () => {
  const tempDir = tempDirs()
  let site: FeedSite
  let source: LocalSource
  let body: string
  let headers: Record<string, string>
  const first = devices(COUNT)
  /** What the source says at its second sweep: one turned, one gone, one new. */
  const second = [
    ...devices(COUNT - 1).slice(1),
    device('d-0', { version: 2, state: 'noncompliant' }),
    device('new', { state: 'grace' }),
  ]

  before(() => {
    process.env['TEST_HTTP_TOKEN'] = 'http-secret'
  })
  beforeEach(async () => {
    site = new FeedSite(tempDir())
    body = ndjson(first)
    headers = {}
    source = await LocalSource.start(() => ({ status: 200, body, headers }))
    assert.equal((await sweep()).applied, COUNT)
    body = ndjson(second)
  })
  afterEach(async () => {
    await source.close()
    await site.close()
  })

  const sweep = (secrets: Record<string, string> = {}): ReturnType<FeedSite['sweepBy']> =>
    site.sweepBy(httpKind, { url: `${source.url}/devices.ndjson` }, secrets)

  const gone = device(`d-${COUNT - 1}`, { state: 'unknown', findings: ['source:gone'] })

  it('brings what is new, what changed, and what is gone', async () => {
    assert.equal((await sweep()).error, null)
    site.assertReplica([...second, gone])
  })

  for (const [name, fault, kind] of LASTING_FAULTS)
    it(`changes nothing after ${name}, and all when the source is well again`, async () => {
      site.answerMs = answerMsOf([fault])
      source.faults.push(...Array.from({ length: TRIES }, () => fault))
      assert.equal((await sweep()).error?.kind, kind)
      site.assertReplica(first)
      source.faults.length = 0
      assert.equal((await sweep()).error, null)
      site.assertReplica([...second, gone])
    })

  for (const [name, faults, waits] of PASSING_FAULTS)
    it(`asks again after ${name}`, async () => {
      site.answerMs = answerMsOf(faults)
      source.faults.push(...faults)
      const { error, waits: waited } = await sweep()
      assert.deepEqual([error, waited], [null, waits])
      site.assertReplica([...second, gone])
    })

  it('gives up when it does not pass, with how long the source wants to be left alone', async () => {
    source.faults.push(...Array.from({ length: 4 }, () => ({ status: 429, headers: { 'retry-after': '9' } })))
    const { error } = await sweep()
    assert.deepEqual([error?.kind, error?.retryAfterMs], ['throttled', 9000])
    site.assertReplica(first)
  })

  it('changes what came before the answer was cut off, and marks nobody gone', async () => {
    const half = ndjson(second.slice(0, 1001))
    source.faults.push({ status: 200, body: half, cut: true })
    assert.equal((await sweep()).error?.kind, 'unreachable')
    site.assertReplica(first)
    source.faults.push({ status: 200, body: ndjson([second.at(-2)!, ...second.slice(0, 1000)]), cut: true })
    assert.equal((await sweep()).applied, 1)
    site.assertReplica([second.at(-2)!, ...first.slice(1)])
    assert.equal((await sweep()).error, null)
    site.assertReplica([...second, gone])
  })

  it('takes a file that ends within a line for one that was cut off', async () => {
    body = ndjson(second).slice(0, -20)
    const { error } = await sweep()
    assert.match(error?.message ?? '', /:1005 ends within the line/)
    site.assertReplica(first)
  })

  it('does not mind another order, nor devices that come twice', async () => {
    body = ndjson([...[...second].reverse(), ...second.slice(0, 100)])
    assert.equal((await sweep()).error, null)
    site.assertReplica([...second, gone])
  })

  it('holds a flip of everybody, and writes the rest', async () => {
    body = ndjson([
      ...first.map((one) => ({ ...one, version: 3, state: 'noncompliant' as const })),
      second.at(-1)!,
    ])
    const { held, applied } = await sweep()
    assert.deepEqual([held, applied], [COUNT, 1])
    site.assertReplica([...first, second.at(-1)!])
  })

  it('leaves out bad records, and tells where they are: an unknown state, a field that is missing', async () => {
    const bad = [
      '{"id":"d-1","state":"fine"}',
      '{"id":7}',
      JSON.stringify({ ...formatDeviceRecord(first[2]!), x: 1 }),
    ]
    body = bad.map((line) => `${line}\n`).join('') + ndjson(first)
    const { problems, bad: count } = await sweep()
    assert.equal(count, 3)
    assert.deepEqual(
      problems.map(({ place }) => place.replace(/.*:/, '')),
      ['1', '2', '3'],
    )
    site.assertReplica(first)
  })

  it('is not read again while its ETag is the same', async () => {
    headers = { etag: '"2"' }
    await sweep()
    source.answer = ({ headers: asked }) =>
      asked['if-none-match'] === '"2"' ? { status: 304 } : { status: 200, body: '' }
    const { notModified, gone: left } = await sweep()
    assert.deepEqual([notModified, left], [true, 0])
    site.assertReplica([...second, gone])
  })

  it('shows its token, and tells it nobody else', async () => {
    source.faults.push({ status: 401 })
    const { error } = await sweep({ token: 'env:TEST_HTTP_TOKEN' })
    assert.equal(source.seen.at(-1)?.headers.authorization, 'Bearer http-secret')
    assert.doesNotMatch(error?.message ?? '', /http-secret/)
  })
})
