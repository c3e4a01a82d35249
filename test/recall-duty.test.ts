import assert from 'node:assert/strict'

import { LmdbStore } from '../src/devices/lmdb-store'
import type { JournalEntry } from '../src/journal/journal'
import { JournalStore } from '../src/journal/journal-store'
import { bucketOf, type Visit } from '../src/journal/traffic'
import { OrderDesk } from '../src/orders/order-desk'
import { startRecallDuty } from '../src/recall-duty'
import type { RepeatedLook } from '../src/repeated-look'
import { BY, policy } from './devices/samples'
import { entry } from './journal/samples'
import { eventually } from './support/eventually'
import { tempDirs } from './support/temp-dir'

describe('the watch over who syncs again after a recall', () => {
  const tempDir = tempDirs()
  let store: LmdbStore
  let journal: JournalStore
  let duty: RepeatedLook

  beforeEach(async () => {
    const dir = tempDir()
    store = LmdbStore.open(dir)
    journal = JournalStore.open(dir, { now: Date.now, onFault: assert.ifError })
    for (const grace of ['allow', 'block'] as const) {
      const made = policy({ grace })
      await store.applyPolicy(made, JSON.stringify(made), { ...BY, at: Date.now() - 1000 })
    }
    start()
  })
  afterEach(async () => {
    await duty.close()
    await journal.close()
    await store.close()
  })

  const start = (): void => {
    duty = startRecallDuty({ store, journal, fleet: undefined, onFault: assert.ifError })
  }
  const hit = (change: Partial<JournalEntry> = {}): JournalEntry =>
    entry({ time: Date.now(), policy: 2, ...change })
  const recall = (): Promise<unknown> =>
    new OrderDesk(store, Date.now).recall(undefined, { ...BY, at: Date.now() }, false)
  const serve = (change: Partial<Visit> = {}, at = Date.now()): number => {
    const anna = { protocol: 'imap', user: 'anna@example.com', device: 'd-1', proof: 'tag' } as const
    const visit = { ...anna, platformHint: null, bucket: bucketOf(at), ...change }
    journal.traffic.note(visit, { policy: 3, at, reason: 'compliant' })
    return at
  }
  const told = (): JournalEntry[] =>
    journal.query({ limit: 100 }).filter(({ outcome }) => outcome === 'allow')

  it('writes one line for everybody who was hit, when they are first served; for nobody else', async () => {
    journal.append(hit())
    journal.append(hit({ user: 'ben@example.com', device: 'ben-phone', outcome: 'warn' }))
    journal.append(hit({ user: 'carol@example.com', device: 'carol-phone' }))
    await journal.drain()
    await recall()
    const anna = serve()
    serve({ protocol: 'smtp' }, anna + 1)
    const ben = serve({ user: 'ben@example.com', device: 'ben-phone' })
    serve({ user: 'stranger@example.com', device: 'strange' })
    await journal.drain()
    await eventually(() => assert.equal(told().length, 2))
    assert.deepEqual(
      told().find(({ user }) => user === 'anna@example.com'),
      {
        number: 4,
        ...entry({
          time: anna,
          decision: '',
          policy: 3,
          outcome: 'allow',
          reason: 'compliant',
          evidenceAgeS: null,
          remote: '',
        }),
      },
    )
    assert.equal(told().find(({ user }) => user === 'ben@example.com')?.time, ben)
    // Carol comes later, and a minute of nothing new must not repeat the others.
    const carol = serve({ user: 'carol@example.com', device: 'carol-phone' })
    await journal.drain()
    await eventually(() => assert.equal(told().length, 3))
    assert.equal(told().find(({ user }) => user === 'carol@example.com')?.time, carol)
  })

  it('goes on after a restart, and repeats nobody', async () => {
    journal.append(hit())
    journal.append(hit({ user: 'ben@example.com' }))
    await journal.drain()
    await recall()
    serve()
    await journal.drain()
    await eventually(() => assert.equal(told().length, 1))
    await duty.close()
    serve({ user: 'ben@example.com' })
    await journal.drain()
    start()
    await eventually(() => assert.equal(told().length, 2))
    assert.deepEqual(
      new Set(told().map(({ user }) => user)),
      new Set(['anna@example.com', 'ben@example.com']),
    )
  })

  it('knows who was served before it looked, and who was refused late by a worker that did not know yet', async () => {
    await recall()
    const at = serve()
    journal.append(hit())
    await journal.drain()
    await eventually(() => assert.equal(told()[0]?.time, at))
    journal.append(hit({ protocol: 'smtp' }))
    journal.append(hit({ user: 'ben@example.com' }))
    serve({ user: 'ben@example.com' })
    await journal.drain()
    await eventually(() => assert.equal(told()[0]?.user, 'ben@example.com'))
    assert.equal(told().length, 2, 'she is told once')
  })

  it('knows a person whose device proved nothing', async () => {
    journal.append(hit({ proof: 'owner' }))
    await journal.drain()
    await recall()
    serve({ device: null, proof: 'none' })
    await journal.drain()
    await eventually(() =>
      assert.deepEqual(
        told().map(({ device, proof }) => [device, proof]),
        [['d-1', 'owner']],
      ),
    )
  })
})
