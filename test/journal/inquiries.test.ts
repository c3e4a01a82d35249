import assert from 'node:assert/strict'

import type { Inquiry, OpenSessions } from '../../src/journal/inquiries'
import { JournalStore } from '../../src/journal/journal-store'
import { eventually } from '../support/eventually'
import { tempDirs } from '../support/temp-dir'

const ANNA = { kind: 'user', id: 'anna@example.com' } as const
const sessions = (change: Partial<OpenSessions> = {}): OpenSessions => ({
  user: ANNA.id,
  device: 'phone',
  count: 1,
  since: 1000,
  ...change,
})

describe('a question to the workers about open sessions', () => {
  const tempDir = tempDirs()
  let now: number
  let journal: JournalStore
  beforeEach(() => {
    now = Date.now()
    journal = JournalStore.open(tempDir(), { now: () => now, onFault: assert.ifError })
  })
  afterEach(() => journal.close())

  /** The one question that is open, as a worker finds it. */
  const asked = (pid = 9): Promise<Inquiry> =>
    eventually(() => {
      const [inquiry, ...others] = journal.inquiries.waiting(pid)
      assert.ok(inquiry)
      assert.deepEqual(others, [])
      return inquiry
    })
  const answer = async (pid: number, ...open: OpenSessions[]): Promise<void> => {
    const inquiry = await asked(pid)
    assert.deepEqual(inquiry.subject, ANNA)
    await journal.inquiries.answer(pid, inquiry, open)
  }

  it('is answered by each of them, the sessions of one device as one', async () => {
    const answers = journal.inquiries.ask(ANNA, [1, 2])
    await answer(1, sessions(), sessions({ device: null }))
    await answer(2, sessions({ count: 3, since: 500 }))
    assert.deepEqual(await answers, [sessions({ count: 4, since: 500 }), sessions({ device: null })])
  })

  it('is asked each of them once, and leaves nothing behind', async () => {
    const answers = journal.inquiries.ask(ANNA, [1, 2])
    await answer(1)
    assert.deepEqual(journal.inquiries.waiting(1), [])
    await answer(2)
    assert.deepEqual(await answers, [])
    assert.deepEqual(journal.inquiries.waiting(1), [])
  })

  it('has no answer while one of them keeps silent', async () => {
    const answers = journal.inquiries.ask(ANNA, [1, 2])
    await answer(1, sessions())
    assert.equal(await answers, null)
    assert.deepEqual(journal.inquiries.waiting(2), [])
  })

  it('is not asked where there are no workers', async () => {
    assert.deepEqual(await journal.inquiries.ask(ANNA, []), [])
  })

  it('of one who was killed while waiting is taken away by the next', async () => {
    const killed = journal.inquiries.ask(ANNA, [1])
    const first = await asked()
    now += 61_000
    const next = journal.inquiries.ask(ANNA, [2])
    await eventually(async () => assert.notEqual((await asked()).id, first.id))
    await answer(2)
    assert.deepEqual(await next, [])
    assert.deepEqual(journal.inquiries.waiting(1), [])
    assert.equal(await killed, null)
  })

  it('that is gone takes no answer', async () => {
    const gone = journal.inquiries.ask(ANNA, [1])
    const inquiry = await asked()
    await answer(1)
    await gone
    await journal.inquiries.answer(9, inquiry, [])
    const again = journal.inquiries.ask(ANNA, [1])
    await answer(1)
    assert.deepEqual(await again, [])
  })
})
