import assert from 'node:assert/strict'

import { JournalStore } from '../../src/journal/journal-store'
import { bucketOf, startOf, type Served, type Visit } from '../../src/journal/traffic'
import { tempDirs } from '../support/temp-dir'
import { AT, entry } from './samples'

const DAY_MS = 86_400_000
const BUCKET_MS = 600_000

const visit = (change: Partial<Visit> = {}): Visit => ({
  bucket: bucketOf(AT),
  protocol: 'imap',
  user: 'anna@example.com',
  device: 'd-1',
  proof: 'tag',
  platformHint: null,
  ...change,
})

describe('the traffic record', function () {
  this.timeout(60_000)
  const tempDir = tempDirs()
  const clock = { now: AT }
  let dir: string
  let journal: JournalStore
  const open = (): JournalStore =>
    JournalStore.open(dir, {
      now: () => clock.now,
      onFault: (error) => {
        throw error
      },
    })
  const all = (moment = 0): Visit[] => [...journal.traffic.since(moment)]

  beforeEach(() => {
    dir = tempDir()
    clock.now = AT
    journal = open()
  })
  afterEach(() => journal.close())

  it('gives back what was noted, once, in the order of time, from a moment on', async () => {
    const late = visit({
      bucket: bucketOf(AT) + 1,
      protocol: 'smtp',
      proof: 'none',
      device: null,
      platformHint: 'ios',
    })
    for (const one of [late, visit(), visit()]) journal.traffic.note(one, null)
    await journal.drain()
    assert.deepEqual(all(), [visit(), late])
    assert.deepEqual(all(AT + BUCKET_MS), [late])
    assert.equal(startOf(late.bucket) - startOf(visit().bucket), BUCKET_MS)
  })
  it('gives those of one user alone, the newest first', async () => {
    const mine = [visit({ bucket: bucketOf(AT) - 3 }), visit({ device: null, proof: 'none' })]
    const others = ['anna@example.co', 'anna@example.comm', 'ben@example.com'].map((user) => visit({ user }))
    for (const one of [...mine, ...others, visit({ bucket: bucketOf(AT) - 9 })])
      journal.traffic.note(one, null)
    await journal.drain()
    assert.deepEqual([...journal.traffic.of('anna@example.com', AT - 4 * BUCKET_MS)], mine.toReversed())
    assert.deepEqual([...journal.traffic.of('\0', 0)], [])
  })

  it('is one for all processes of a host', async () => {
    const other = open()
    for (const [process, user] of [
      [journal, 'anna@example.com'],
      [other, 'anna@example.com'],
      [other, 'ben@example.com'],
    ] as const) {
      process.traffic.note(visit({ user }), null)
      await process.drain()
    }
    await other.close()
    assert.deepEqual(
      all().map(({ user }) => user),
      ['anna@example.com', 'ben@example.com'],
    )
  })
  describe('says when somebody was first served under a policy', () => {
    const served = (policy: number, at: number): Served => ({ policy, at, reason: 'compliant' })
    const kept = (): (readonly Served[])[] =>
      [...journal.traffic.servedSince(AT)].map(({ served: moments }) => moments)

    it('by all processes of a host, and whatever of it is written first', async () => {
      const other = open()
      journal.traffic.note(visit(), served(1, AT + 2))
      journal.traffic.note(visit(), served(1, AT + 3))
      other.traffic.note(visit(), served(1, AT + 1))
      other.traffic.note(visit(), served(2, AT + 4))
      for (const process of [journal, other]) await process.drain()
      journal.traffic.note(visit(), null)
      await journal.drain()
      await other.close()
      assert.deepEqual(kept(), [[served(1, AT + 1), served(2, AT + 4)]])
    })
    it('and nothing of who was not', async () => {
      journal.traffic.note(visit(), null)
      await journal.drain()
      assert.deepEqual(kept(), [])
    })
    it('of the last four policies', async () => {
      for (let policy = 1; policy <= 6; policy += 1)
        journal.traffic.note(visit(), served(policy, AT + policy))
      await journal.drain()
      assert.deepEqual(
        kept()[0]?.map(({ policy }) => policy),
        [3, 4, 5, 6],
      )
    })
    it('soon after a policy came in force', () => {
      journal.traffic.note(visit(), served(1, AT))
      assert.ok(!journal.traffic.isDue(AT + 9999))
      journal.traffic.note(visit({ user: 'ben@example.com' }), served(2, AT))
      assert.ok(journal.traffic.isDue(AT + 200))
    })
  })
  it('goes to disk with the next block, and by itself after ten seconds', async () => {
    journal.traffic.note(visit(), null)
    assert.ok(!journal.traffic.isDue(AT + 9999))
    assert.ok(journal.traffic.isDue(AT + 10_000))
    journal.append(entry())
    await journal.drain()
    assert.ok(!journal.traffic.isWaiting)
  })
  it('is written by a process that cannot wait', () => {
    journal.traffic.note(visit(), null)
    journal.flushSync()
    assert.deepEqual(all(), [visit()])
  })
  it('holds any name and id that a record may have, and none beyond', async () => {
    const odd = visit({ user: 'ü\u202e'.repeat(160), device: '日'.repeat(256) })
    journal.traffic.note(odd, null)
    for (const user of ['a'.repeat(321), 'an\u0000na', '']) journal.traffic.note(visit({ user }), null)
    await journal.drain()
    assert.deepEqual(all(), [odd])
  })
  it('forgets after seven days', async () => {
    journal.traffic.note(visit(), null)
    await journal.drain()
    clock.now = AT + 7 * DAY_MS + BUCKET_MS
    const now = visit({ bucket: bucketOf(clock.now) })
    journal.traffic.note(now, null)
    await journal.drain()
    assert.deepEqual(all(), [now])
  })
})

describe('the traffic record of a site with very much of it', () => {
  const tempDir = tempDirs()

  it('keeps the newest', async () => {
    const journal = JournalStore.open(tempDir(), { now: () => AT, maxVisits: 10, onFault: assert.ifError })
    for (let round = 0; round < 3; round += 1) {
      for (let i = 0; i < 8; i += 1)
        journal.traffic.note(visit({ bucket: bucketOf(AT) + round * 8 + i }), null)
      await journal.drain()
    }
    const kept = [...journal.traffic.since(0)].map(({ bucket }) => bucket - bucketOf(AT))
    await journal.close()
    assert.deepEqual(kept, [14, 15, 16, 17, 18, 19, 20, 21, 22, 23])
  })
})
