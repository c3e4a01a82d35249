import assert from 'node:assert/strict'

import type { FeedProblemKind } from '../../src/feeds/feed-error'
import type { DeviceRecord } from '../../src/policy/device'
import type { FeedSite } from './feed-site'
import type { Answer, LocalSource, SeenRequest } from './local-source'

/** More than a request is tried. */
const STUBBORN = 8

/** What a source may answer instead of devices, each for as long as it is asked, and what is wrong then. */
export const LASTING_FAULTS = [
  ['401', { status: 401 }, 'credentials'],
  ['403', { status: 403 }, 'permission'],
  ['404', { status: 404 }, 'answer'],
  ['500', { status: 500 }, 'unreachable'],
  ['a redirect to a file', { status: 302, headers: { location: 'file:///etc/passwd' } }, 'refused_url'],
  ['429 for a day', { status: 429, headers: { 'retry-after': '86400' } }, 'throttled'],
  ['429 without end', { status: 429, headers: { 'retry-after': '9' } }, 'throttled'],
  ['a page of HTML', { status: 200, body: '<html>\n<body>\nSign in' }, 'answer'],
  ['no answer in time', 'hang', 'unreachable'],
] as const satisfies readonly (readonly [string, Answer, FeedProblemKind])[]

/** The same for a source that answers in JSON, in pages. */
const LASTING_JSON_FAULTS = [
  ...LASTING_FAULTS,
  ['a page that ends within a device', { status: 200, body: '{"results":[{"id":"' }, 'answer'],
  ['a page that is cut off', { status: 200, body: '{"results":[', cut: true }, 'unreachable'],
  ['an empty answer', { status: 200, body: '' }, 'answer'],
  ['null', { status: 200, body: 'null' }, 'answer'],
  ['another object', { status: 200, body: '{"error":null}' }, 'answer'],
  ['more than a page may have', { status: 200, body: ' '.repeat(17 * 1024 * 1024) }, 'answer'],
] as const satisfies readonly (readonly [string, Answer, FeedProblemKind])[]

/** How long it is worth waiting for such answers. */
export const answerMsOf = (answers: readonly Answer[]): number => (answers.includes('hang') ? 500 : 30_000)

/** What passes when it is asked again, and how long it is waited for. */
export const PASSING_FAULTS = [
  ['429 with Retry-After', [{ status: 429, headers: { 'retry-after': '7' } }], [7000]],
  ['503 with Retry-After', [{ status: 503, headers: { 'retry-after': '3' } }], [3000]],
  ['500, twice', [{ status: 500 }, { status: 500 }], [500, 1000]],
  ['no answer in time', ['hang'], [500]],
] as const satisfies readonly (readonly [string, readonly Answer[], readonly number[]])[]

/** A device manager in two states: one that was swept, and what it says next. */
export interface TwoStates {
  readonly site: FeedSite
  readonly source: LocalSource
  readonly sweep: () => ReturnType<FeedSite['sweepBy']>
  /** Whether a request asks for a page of devices. */
  readonly isPage: (request: SeenRequest) => boolean
  readonly before: readonly DeviceRecord[]
  /** When the first page was read, and no other. */
  readonly afterFirstPage: readonly DeviceRecord[]
  readonly after: readonly DeviceRecord[]
}

/** What any kind that reads a device manager's pages stands: what breaks off changes what it saw, and marks nobody gone. */
export function itStandsFaults(given: () => TwoStates): void {
  for (const [name, fault, kind] of LASTING_JSON_FAULTS)
    for (const page of [1, 2] as const)
      it(`marks nobody gone after ${name} on page ${page}, and is right when the source is well again`, async () => {
        const { site, source, sweep, isPage, before, afterFirstPage, after } = given()
        let seen = 0
        site.answerMs = answerMsOf([fault])
        source.isFaulty = (request) => isPage(request) && (seen += 1) >= page
        source.faults.push(...Array.from({ length: STUBBORN }, () => fault))
        const { error } = await sweep()
        assert.equal(error?.kind, kind, error?.message)
        site.assertReplica(page === 1 ? before : afterFirstPage)
        source.faults.length = 0
        assert.equal((await sweep()).error, null)
        site.assertReplica(after)
      })

  for (const [name, faults, waits] of PASSING_FAULTS)
    for (const page of [1, 2] as const)
      it(`asks again after ${name} on page ${page}`, async () => {
        const { site, source, sweep, isPage, after } = given()
        let seen = 0
        site.answerMs = answerMsOf(faults)
        source.isFaulty = (request) => isPage(request) && (seen += 1) >= page
        source.faults.push(...faults)
        const { error, waits: waited } = await sweep()
        assert.deepEqual([error, waited], [null, waits])
        site.assertReplica(after)
      })
}
