import assert from 'node:assert/strict'
import path from 'node:path'
import fc from 'fast-check'
import { open, type Database } from 'lmdb'

import { ChangeLog } from '../../src/devices/change-log'
import { LmdbStore } from '../../src/devices/lmdb-store'
import { entryBody, entryText } from '../../src/devices/history'
import { modeOrder } from '../../src/devices/order'
import { formatDeviceRecord } from '../../src/devices/record'
import { CorruptRecordError } from '../../src/devices/store'
import { DecisionGate } from '../../src/gate/decision-gate'
import { openEnvironment } from '../../src/lmdb/environment'
import type { Claim } from '../../src/policy/decision'
import type { FailMode } from '../../src/policy/vocabulary'
import { tempDirs } from '../support/temp-dir'
import { auditHistory } from '../../src/orders/audit'
import { attestationsText } from '../../src/devices/stored-attestations'
import { AttestationDesk } from '../../src/orders/attestation-desk'
import { AT, attestation, BY, override, policy, record } from './samples'

type RawKey = string | number | (string | number)[]

/** What a store does when what it kept is not what it wrote: a bad disk, a bad restore, a hand in the file. */
describe('LmdbStore with damaged entries', function () {
  // Each write waits for the disk.
  this.timeout(60_000)
  const tempDir = tempDirs()
  let dir: string
  let store: LmdbStore
  let raw: (database: string) => Database<Buffer, RawKey>
  let closeRaw: () => Promise<void>

  beforeEach(() => {
    dir = tempDir()
    store = LmdbStore.open(dir)
    const root = open<Buffer>({ path: path.join(dir, 'replica'), overlappingSync: false })
    raw = (name) => root.openDB<Buffer, RawKey>({ name, encoding: 'binary' })
    closeRaw = () => root.close()
  })
  afterEach(async () => {
    await closeRaw()
    await store.close()
  })

  const damage = (database: string, key: RawKey, content: string | Uint8Array): Promise<boolean> =>
    raw(database).put(key, Buffer.from(content as string))

  const GOOD = JSON.stringify(formatDeviceRecord(record()))
  /** Anything at all, and what is nearly a record. */
  const anyOctets = fc.oneof(
    fc.uint8Array({ maxLength: 2000 }),
    fc.json().map((text) => Buffer.from(text)),
    fc.tuple(fc.nat({ max: GOOD.length - 1 }), fc.nat({ max: 255 })).map(([at, octet]) => {
      const octets = Buffer.from(GOOD)
      octets[at] = octet
      return octets
    }),
    fc.nat({ max: GOOD.length }).map((length) => Buffer.from(GOOD).subarray(0, length)),
    fc.constant(Buffer.alloc(200_000, 'x')),
  )

  describe('a device', () => {
    it('of any octets is a record or an error that names it, for that device alone', async () => {
      await store.putDevices([record({ id: 'd-0' }), record({ id: 'd-2' })])
      await fc.assert(
        fc.asyncProperty(anyOctets, async (octets) => {
          await damage('devices', 'd-1', octets)
          const read = (): unknown => {
            try {
              return store.device('d-1')?.id
            } catch (error) {
              assert.ok(error instanceof CorruptRecordError, String(error))
              assert.match(error.message, /^devices\/d-1: .*; write it again \(device-gate device put/)
              return error.place
            }
          }
          const outcome = read()
          const listed = store
            .listDevices({ limit: 10 })
            .map((one) => (one instanceof CorruptRecordError ? one.place : one.id))
          assert.deepEqual(listed, ['d-0', outcome, 'd-2'])
          assert.equal(store.device('d-2')?.id, 'd-2')
          assert.equal(store.counts().devices, 3)
        }),
        { numRuns: 300 },
      )
    })

    it('is mended by writing it again, whatever its version', async () => {
      await store.putDevices([record({ version: 9 })])
      await damage('devices', 'd-1', '{"version":9')
      assert.deepEqual(await store.putDevices([record({ version: 1 })]), [{ status: 'applied' }])
      assert.deepEqual(store.device('d-1'), record({ version: 1 }))
    })

    it('can be forgotten', async () => {
      await store.putDevices([record()])
      await damage('devices', 'd-1', '')
      assert.equal(await store.forgetDevice('d-1'), true)
      assert.equal(store.device('d-1'), undefined)
    })

    it('under the key of another is not taken for it', async () => {
      await damage('devices', 'd-2', GOOD)
      assert.throws(
        () => store.device('d-2'),
        /^CorruptRecordError: devices\/d-2: holds the record of another/,
      )
    })
  })

  describe('decides as fail_mode says', () => {
    const CLAIM: Claim = { deviceId: 'd-1', proof: 'tag' }
    /** Of which something is unseen, so that its person's statements are asked for. */
    const DEVICE = record({ findings: ['unseen:app'] })

    function decision(failMode: FailMode, claim: Claim | null = CLAIM) {
      const faults: unknown[] = []
      const gate = new DecisionGate({
        replica: store,
        host: () => ({ enforcement: 'policy', unidentified: 'owner', failMode }),
        journal: { append: () => undefined },
        revokeSpreadMs: () => 0,
        now: Date.now,
        onFault: (error) => faults.push(error),
      })
      const subject = gate.subject({
        user: 'anna@example.com',
        claim,
        platformHint: null,
        exemptNetwork: false,
      })
      const { outcome, reason, enforced } = gate.decide(subject, AT)
      gate.close()
      return { outcome, reason, enforced, fault: String(faults[0]) }
    }

    const lock = JSON.stringify(override({ kind: 'lock', expiresAt: null }))
    const applied = JSON.stringify({ version: 1, ...BY, policy: policy(), sourceText: 'one' })
    const cases: [what: string, database: string, key: RawKey, content: string][] = [
      ['a device that is no JSON', 'devices', 'd-1', GOOD.slice(0, -1)],
      ['a device with a state that is none', 'devices', 'd-1', GOOD.replace('compliant', 'complaint')],
      ['a device that is empty', 'devices', 'd-1', ''],
      ['a policy that is no JSON', 'policies', 1, applied.slice(1)],
      ['a policy that is null', 'policies', 1, 'null'],
      ['a policy without rules', 'policies', 1, JSON.stringify({ version: 1, ...BY, sourceText: 'one' })],
      ['a policy of another version', 'policies', 1, applied.replace('"version":1', '"version":2')],
      ['a policy with a mode that is none', 'policies', 1, applied.replace('"enforce"', '"enforse"')],
      [
        'a policy with an action that is none',
        'policies',
        1,
        applied.replace('"noncompliant":"block"', '"noncompliant":""'),
      ],
      [
        'a policy with a mandate on no known platform',
        'policies',
        1,
        applied.replace('"android"', '"andriod"'),
      ],
      ['a policy with a mandate without a deadline', 'policies', 1, applied.replace('"deadline"', '"dead"')],
      ['a mode override that is no JSON', 'meta', 'modeOverride', 'off'],
      ['a mode override to no mode', 'meta', 'modeOverride', JSON.stringify({ mode: 'of', ...BY })],
      ['a lock that is no JSON', 'overrides', ['device', 'd-1', 'lock'], '{'],
      ['a lock that is an empty object', 'overrides', ['device', 'd-1', 'lock'], '{}'],
      [
        'a lock that turned into an exemption',
        'overrides',
        ['device', 'd-1', 'lock'],
        lock.replace('"lock"', '"exemption"'),
      ],
      ['a lock on another device', 'overrides', ['device', 'd-1', 'lock'], lock.replace('d-1', 'd-2')],
      [
        'a lock with an end that is none',
        'overrides',
        ['device', 'd-1', 'lock'],
        lock.replace('null', '"2026"'),
      ],
      ['an exemption of the user', 'overrides', ['user', 'anna@example.com', 'exemption'], '[]'],
      ['statements that are no JSON', 'attestations', 'anna@example.com', '{'],
      ['statements that are none', 'attestations', 'anna@example.com', '{"attestations":[{}]}'],
      [
        'statements of somebody else',
        'attestations',
        'anna@example.com',
        attestationsText('ben@example.com', [attestation({ user: 'ben@example.com' })]),
      ],
    ]
    for (const [what, database, key, content] of cases) {
      it(`for ${what}`, async () => {
        await store.applyPolicy(policy(), 'one', BY)
        await store.putDevices([DEVICE])
        assert.equal(decision('closed').reason, 'compliant')
        await damage(database, key, content)

        const place = `${database}/${[key].flat().join('/')}`
        for (const claim of [CLAIM, null]) {
          const closed = decision('closed', claim)
          assert.deepEqual([closed.outcome, closed.reason], ['unavailable', 'fault_closed'])
          assert.ok(closed.fault.includes(`CorruptRecordError: ${place}: `), closed.fault)
          const open = decision('open', claim)
          assert.deepEqual([open.outcome, open.reason], ['allow', 'fault_open'])
        }

        await mend(database)
        assert.equal(decision('closed').reason, 'compliant')
      })
    }

    /** As the error says. */
    async function mend(database: string): Promise<unknown> {
      switch (database) {
        case 'devices':
          return store.putDevices([DEVICE])
        case 'policies':
          return store.applyPolicy(policy(), 'two', BY)
        case 'meta':
          return store.setModeOverride(null, BY)
        case 'attestations':
          return new AttestationDesk(store, () => AT).remove('anna@example.com', 'd-1', BY)
        default:
          await store.removeOverride('lock', { kind: 'device', id: 'd-1' }, BY)
          return store.removeOverride('exemption', { kind: 'user', id: 'anna@example.com' }, BY)
      }
    }

    it('not for a former owner of a device whose damaged record was replaced', async () => {
      await store.applyPolicy(policy(), 'one', BY)
      await store.putDevices([record()])
      await damage('devices', 'd-1', '{')
      await store.putDevices([record({ owners: ['ben@example.com'], state: 'noncompliant' })])
      assert.deepEqual(decision('closed', null).reason, 'unknown_device')
    })
  })

  it('lists what can be read of overrides and policies, and the rest as errors', async () => {
    await store.applyPolicy(policy(), 'one', BY)
    await store.applyPolicy(policy({ mode: 'monitor' }), 'two', BY)
    await store.putOverride(override())
    await store.putOverride(override({ kind: 'lock' }))
    await damage('policies', 1, 'x')
    await damage('overrides', ['device', 'd-1', 'lock'], 'x')
    const places = (list: readonly object[]) =>
      list.map((one) => (one instanceof CorruptRecordError ? one.place : 'well'))
    assert.deepEqual(places(store.policyHistory(10)), ['well', 'policies/1'])
    assert.deepEqual(places(store.listOverrides()), ['well', 'overrides/device/d-1/lock'])
    assert.deepEqual(places(store.listOverrides('exemption')), ['well'])
  })

  describe('the change log', () => {
    for (const [what, content] of [
      ['no JSON', '{'],
      ['null', 'null'],
      ['of no known kind', '{"sequence":2,"kind":"devise"}'],
      ['without its device', '{"sequence":2,"kind":"device","owners":[]}'],
      ['of another sequence', '{"sequence":1,"kind":"policy"}'],
    ] as const) {
      it(`cannot tell what changed where an entry is ${what}, and can from there on`, async () => {
        for (const version of [1, 2, 3]) await store.putDevices([record({ version })])
        await damage('log', 2, content)
        assert.deepEqual([store.changesAfter(0, 10), store.changesAfter(1, 10)], [null, null])
        assert.equal(store.changesAfter(2, 10)?.length, 1)
        assert.equal(store.sequence(), 3)
      })
    }

    it('with a gap cannot tell what changed', async () => {
      for (const version of [1, 2, 3]) await store.putDevices([record({ version })])
      await raw('log').remove(2)
      assert.equal(store.changesAfter(1, 10), null)
    })

    it('keeps the newest entries only', async () => {
      const environment = openEnvironment(tempDir(), { schema: 1 })
      const log = new ChangeLog(environment.database('log'), 5)
      for (let i = 0; i < 12; i += 1) await environment.write(() => log.append([{ kind: 'policy' }]))
      assert.equal(log.newest(), 12)
      assert.deepEqual(
        [6, 7, 12].map((sequence) => log.after(sequence, 100)?.map((change) => change.sequence)),
        [undefined, [8, 9, 10, 11, 12], []],
      )
      assert.equal(environment.database('log').getCount(), 5)
      await environment.close()
    })
  })

  describe('the history', () => {
    beforeEach(async () => {
      await store.applyPolicy(policy(), 'one', BY)
      await store.setModeOverride('off', BY)
      await store.setModeOverride('monitor', BY)
    })
    const textOf = (n: number): string => {
      for (const one of store.historyTexts()) if (one.n === n) return one.text
      return assert.fail(`no entry ${n}`)
    }

    const damages: [what: string, damage: () => Promise<unknown>, n: number, told: RegExp][] = [
      [
        'an entry whose reason was changed',
        () => damage('history', 2, textOf(2).replace('a test', 'no test')),
        2,
        /its content is not what was written/,
      ],
      ['an entry that is gone', () => raw('history').remove(2), 2, /missing/],
      ['the first entry gone', () => raw('history').remove(1), 1, /missing/],
      [
        'an entry made anew with a right hash of its own',
        () => damage('history', 2, entryText(2, 1, 'f'.repeat(40), entryBody(modeOrder('off', BY)))),
        2,
        /does not follow the entry before/,
      ],
      [
        'an entry in the place of another, which the next one tells',
        () => damage('history', 2, entryText(2, 1, prevOf(textOf(2)), entryBody(modeOrder('enforce', BY)))),
        3,
        /does not follow the entry before/,
      ],
      ['no JSON', () => damage('history', 3, '{'), 3, /not what was written/],
      [
        'a policy that was changed after it was ordered',
        () => damage('policies', 1, JSON.stringify({ ...store.policyVersion(1), sourceText: 'other' })),
        1,
        /version 1 is not the text/,
      ],
      ['a policy that is gone', () => raw('policies').remove(1), 1, /version 1 .* is missing/],
    ]
    for (const [what, make, n, told] of damages)
      it(`names ${what}`, async () => {
        assert.equal((await auditHistory(store)).problem, undefined)
        await make()
        store.sequence()
        const { problem } = await auditHistory(store)
        assert.equal(problem?.n, n)
        assert.match(problem.problem, told)
      })

    it('goes on behind a damaged entry, and lists the others', async () => {
      await damage('history', 3, '{')
      await store.setModeOverride('off', BY)
      const listed = store.history(10).map((one) => ('n' in one ? one.n : one.place))
      assert.deepEqual(listed, [4, 'history/3', 2, 1])
    })
  })
})

const prevOf = (text: string): string => (JSON.parse(text) as { prev: string }).prev
