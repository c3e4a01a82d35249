import assert from 'node:assert/strict'
import fc from 'fast-check'

import type { HistoryEntry } from '../../src/devices/history'
import { OvertakenError, type Order } from '../../src/devices/order'
import { auditHistory } from '../../src/orders/audit'
import { certificatesOrder, registeredCertificates } from '../../src/orders/certificates'
import type { Change, CorruptRecordError, PutOutcome, Store } from '../../src/devices/store'
import { isDeviceId } from '../../src/devices/record'
import type { Attestation } from '../../src/policy/attestation'
import type { DeviceRecord } from '../../src/policy/device'
import { eventually } from '../support/eventually'
import { anyRecord, anyUser, AT, attestation, BY, override, policy, record } from './samples'

/** One place where a store's data lives; it can be opened again, and more than once at a time. */
export interface StoreHome {
  open(): Promise<Store>
  /** Takes away what was stored; all handles are closed by then. */
  remove(): Promise<void>
}

/** What every store must do, whatever it keeps its data in. */
export function storeContract(name: string, makeHome: () => Promise<StoreHome>): void {
  describe(`${name} as a store`, function () {
    // Each write waits for the disk.
    this.timeout(60_000)
    let home: StoreHome
    let handles: Store[]
    let store: Store

    const open = async (): Promise<Store> => {
      const handle = await home.open()
      handles.push(handle)
      return handle
    }
    const close = async (handle: Store): Promise<void> => {
      handles = handles.filter((other) => other !== handle)
      await handle.close()
    }

    beforeEach(async () => {
      handles = []
      home = await makeHome()
      store = await open()
    })
    afterEach(async () => {
      for (const handle of handles) await handle.close()
      await home.remove()
    })

    const put = async (...records: DeviceRecord[]): Promise<PutOutcome['status'][]> =>
      (await store.putDevices(records)).map(({ status }) => status)
    const ids = (listed: readonly (DeviceRecord | CorruptRecordError)[]): string[] =>
      listed.map((item) => ('id' in item ? item.id : item.message))
    const changes = (after = 0): Change[] => store.changesAfter(after, 100_000) ?? assert.fail('no changes')

    describe('a new one', () => {
      it('is empty', () => {
        assert.equal(store.sequence(), 0)
        assert.deepEqual(store.changesAfter(0, 10), [])
        assert.deepEqual(store.listDevices({ limit: 10 }), [])
        assert.deepEqual(store.listOverrides(), [])
        assert.deepEqual(store.policyHistory(10), [])
        assert.deepEqual(
          [store.activePolicy(), store.modeOverride(), store.policyVersion(1), store.device('d-1')],
          [undefined, undefined, undefined, undefined],
        )
        assert.deepEqual(store.counts(), { devices: 0, policies: 0, overrides: 0, attesters: 0 })
      })
    })

    describe('device records', () => {
      it('gives back any record as it was written', async () => {
        await fc.assert(
          fc.asyncProperty(fc.array(anyRecord, { minLength: 1, maxLength: 8 }), async (records) => {
            for (const { id } of records) await store.forgetDevice(id)
            await store.putDevices(records)
            const last = new Map(records.map((one) => [one.id, one]))
            for (const [id, first] of last) {
              const versions = records.filter((one) => one.id === id)
              if (versions.length === 1) assert.deepEqual(store.device(id), first)
              else assert.ok(versions.some((one) => isSame(one, store.device(id))))
            }
          }),
          { numRuns: 60 },
        )
      })

      it('knows nothing of an id that was never written', async () => {
        await put(record())
        for (const id of ['d-2', 'D-1', 'd-1 ', 'd-', '', 'd-1\0', 'x'.repeat(5000), '\ud800'])
          assert.equal(store.device(id), undefined)
      })

      const again: [
        what: string,
        stored: Partial<DeviceRecord>,
        next: Partial<DeviceRecord>,
        outcome: string,
      ][] = [
        ['the very same record', {}, {}, 'unchanged'],
        ['a newer version', { version: 3 }, { version: 4, state: 'grace' }, 'applied'],
        ['an older version', { version: 3 }, { version: 2, state: 'grace' }, 'refused'],
        [
          'an older version with newer evidence',
          { version: 3 },
          { version: 2, evidenceAt: AT + 1 },
          'refused',
        ],
        [
          'a newer version with older evidence',
          { version: 3 },
          { version: 4, evidenceAt: AT - 1 },
          'applied',
        ],
        ['newer evidence of the same version', {}, { evidenceAt: AT + 1 }, 'applied'],
        ['older evidence of the same version', {}, { evidenceAt: AT - 1 }, 'refused'],
        ['other content of the same age', {}, { state: 'grace' }, 'applied'],
        ['an older version of another source', { version: 3 }, { version: 1, source: 'csv' }, 'applied'],
        ['older evidence of another source', {}, { evidenceAt: AT - 1, source: 'csv' }, 'applied'],
      ]
      for (const [what, before, after, outcome] of again) {
        it(`answers ${what} with ${outcome}`, async () => {
          const stored = record(before)
          const next = record({ ...before, ...after })
          await put(stored)
          const sequence = store.sequence()
          const [answer] = await store.putDevices([next])
          assert.equal(answer?.status, outcome)
          assert.deepEqual(store.device('d-1'), outcome === 'applied' ? next : stored)
          assert.equal(store.sequence(), outcome === 'applied' ? sequence + 1 : sequence)
        })
      }

      it('tells what a refused record is older than', async () => {
        await put(record({ version: 7 }))
        assert.deepEqual(await store.putDevices([record({ version: 6 })]), [
          { status: 'refused', storedVersion: 7, storedEvidenceAt: AT },
        ])
      })

      it('answers each record of a batch, in order, the same id twice too', async () => {
        await put(record({ id: 'b', version: 5 }))
        assert.deepEqual(
          await put(
            record({ id: 'a' }),
            record({ id: 'b', version: 4 }),
            record({ id: 'a', version: 2 }),
            record({ id: 'a', version: 2 }),
            record({ id: 'a', version: 1 }),
          ),
          ['applied', 'refused', 'applied', 'unchanged', 'refused'],
        )
        assert.deepEqual([store.device('a')?.version, store.device('b')?.version], [2, 5])
      })

      it('forgets a device, its owners and nothing else', async () => {
        await put(record({ id: 'a' }), record({ id: 'b' }))
        assert.equal(await store.forgetDevice('a'), true)
        assert.equal(store.device('a'), undefined)
        assert.deepEqual(store.deviceIdsOf('anna@example.com', 10), ['b'])
        assert.deepEqual([await store.forgetDevice('a'), await store.forgetDevice('')], [false, false])
        assert.deepEqual(
          await put(record({ id: 'a', version: 0 })),
          ['applied'],
          'its version is forgotten too',
        )
      })

      it('writes nothing of a batch in which one record cannot be written', async () => {
        const unwritable = [record({ id: 'x'.repeat(3000) }), record({ id: 'z', owners: ['y'.repeat(3000)] })]
        for (const bad of unwritable) {
          await assert.rejects(store.putDevices([record({ id: 'a' }), bad, record({ id: 'b' })]))
        }
        assert.deepEqual(store.listDevices({ limit: 10 }), [])
        assert.deepEqual(store.deviceIdsOf('anna@example.com', 10), [])
        assert.equal(store.sequence(), 0)
        assert.deepEqual(await put(record({ id: 'a' })), ['applied'], 'and it goes on')
      })
    })

    describe('owners', () => {
      it('finds the devices of each owner, as any history of writes leaves them', async () => {
        const owner = fc.constantFrom('anna', 'ben', 'carol', 'u'.repeat(320))
        const write = fc.record({
          id: fc.constantFrom('a', 'b', 'c', 'd'.repeat(256), '\uffff'.repeat(256)),
          owners: fc.uniqueArray(owner, { maxLength: 3 }),
          forget: fc.boolean(),
        })
        await fc.assert(
          fc.asyncProperty(fc.array(write, { maxLength: 12 }), async (writes) => {
            for (const one of store.listDevices({ limit: 100 }))
              await store.forgetDevice((one as DeviceRecord).id)
            const expected = new Map<string, readonly string[]>()
            for (const [index, { id, owners, forget }] of writes.entries()) {
              if (forget) await store.forgetDevice(id)
              else await store.putDevices([record({ id, owners, version: index })])
              expected.set(id, forget ? [] : owners)
            }
            for (const user of ['anna', 'ben', 'carol', 'u'.repeat(320), 'nobody']) {
              const owned = [...expected].flatMap(([id, owners]) => (owners.includes(user) ? id : []))
              assert.deepEqual(store.deviceIdsOf(user, 100).sort(), owned.sort())
            }
          }),
          { numRuns: 40 },
        )
      })

      it('finds any device by any of its owners', async () => {
        await fc.assert(
          fc.asyncProperty(anyRecord, anyUser, async (one, stranger) => {
            await store.forgetDevice(one.id)
            await store.putDevices([one])
            for (const user of one.owners) assert.ok(store.deviceIdsOf(user, 10_000).includes(one.id))
            if (!one.owners.includes(stranger))
              assert.ok(!store.deviceIdsOf(stranger, 10_000).includes(one.id))
          }),
          { numRuns: 60 },
        )
      })

      it('gives no more than were asked for', async () => {
        await put(...Array.from({ length: 20 }, (_, i) => record({ id: `d-${i}` })))
        assert.equal(store.deviceIdsOf('anna@example.com', 7).length, 7)
        assert.equal(store.deviceIdsOf('anna@example.com', 70).length, 20)
      })

      it('owns nothing as a user that no record can name', () => {
        for (const user of ['', 'x'.repeat(10_000), 'a\0b', '\udfff'])
          assert.deepEqual(store.deviceIdsOf(user, 10), [])
      })
    })

    describe('the list of devices', () => {
      it('gives every device once, page by page, in one order', async () => {
        await fc.assert(
          fc.asyncProperty(
            fc.uniqueArray(anyRecord, { selector: ({ id }) => id, maxLength: 30 }),
            fc.integer({ min: 1, max: 7 }),
            async (records, limit) => {
              for (const one of store.listDevices({ limit: 1000 }))
                await store.forgetDevice((one as DeviceRecord).id)
              await store.putDevices(records)
              const paged: string[] = []
              for (;;) {
                const afterId = paged.at(-1)
                const page = store.listDevices({ limit, ...(afterId !== undefined && { afterId }) })
                paged.push(...ids(page))
                if (page.length < limit) break
              }
              assert.deepEqual(paged, ids(store.listDevices({ limit: 1000 })))
              assert.deepEqual(new Set(paged), new Set(records.map(({ id }) => id)))
              assert.equal(paged.length, records.length)
            },
          ),
          { numRuns: 40 },
        )
      })

      it('goes on behind a device that was forgotten meanwhile', async () => {
        await put(...['a', 'b', 'c', 'd'].map((id) => record({ id })))
        await store.forgetDevice('b')
        assert.deepEqual(ids(store.listDevices({ afterId: 'b', limit: 10 })), ['c', 'd'])
        assert.deepEqual(ids(store.listDevices({ afterId: 'd', limit: 10 })), [])
      })
    })

    describe('policies', () => {
      it('numbers them from 1 and has the newest in force', async () => {
        assert.equal((await store.applyPolicy(policy(), 'one', BY)).version, 1)
        const second = policy({ mode: 'monitor', mandates: [] })
        assert.deepEqual(await store.applyPolicy(second, 'two', BY), {
          version: 2,
          policy: second,
          sourceText: 'two',
          ...BY,
        })
        assert.deepEqual(store.activePolicy(), { version: 2, policy: second, modeOverride: null })
        assert.deepEqual(store.policyVersion(1)?.policy, policy())
        assert.equal(store.policyVersion(3), undefined)
        assert.deepEqual(
          store.policyHistory(10).map((one) => 'version' in one && one.version),
          [2, 1],
        )
        assert.equal(store.policyHistory(1).length, 1)
        assert.equal(store.counts().policies, 2)
      })

      it('takes the same text for the same policy', async () => {
        await store.applyPolicy(policy(), 'one', BY)
        const sequence = store.sequence()
        assert.equal((await store.applyPolicy(policy(), 'one', { ...BY, reason: 'again' })).version, 1)
        assert.equal(store.sequence(), sequence)
        await store.applyPolicy(policy(), 'two', BY)
        assert.equal(
          (await store.applyPolicy(policy(), 'one', BY)).version,
          3,
          'an older text is a new version',
        )
      })

      it('keeps a large policy', async () => {
        const sourceText = '# '.padEnd(500_000, 'é')
        await store.applyPolicy(policy(), sourceText, BY)
        assert.equal(store.policyVersion(1)?.sourceText, sourceText)
        assert.equal(store.policyHistory(1)[0] instanceof Error, false)
      })
    })

    describe('the mode override', () => {
      it('stands beside the policy until it is taken away', async () => {
        await store.applyPolicy(policy(), 'one', BY)
        await store.setModeOverride('off', BY)
        assert.deepEqual(store.modeOverride(), { mode: 'off', ...BY })
        assert.equal(store.activePolicy()?.modeOverride, 'off')
        await store.applyPolicy(policy(), 'two', BY)
        assert.equal(store.activePolicy()?.modeOverride, 'off')
        await store.setModeOverride(null, BY)
        assert.deepEqual([store.modeOverride(), store.activePolicy()?.modeOverride], [undefined, null])
      })
    })

    describe('overrides', () => {
      const device = { kind: 'device', id: 'd-1' } as const
      const user = { kind: 'user', id: 'd-1' } as const

      it('keeps one lock and one exemption on each device and user', async () => {
        const exemption = override()
        const lock = override({ kind: 'lock', expiresAt: null })
        const onUser = override({ subject: user })
        for (const one of [exemption, lock, onUser]) await store.putOverride(one)
        const byKind = (list: readonly { kind?: string }[]) =>
          [...list].sort((a, b) => String(a.kind).localeCompare(String(b.kind)))
        assert.deepEqual(byKind(store.overridesOn(device)), [exemption, lock])
        assert.deepEqual(store.overridesOn(user), [onUser])
        assert.deepEqual(store.overridesOn({ kind: 'device', id: 'd-2' }), [])
        assert.equal(store.listOverrides().length, 3)
        assert.deepEqual(store.listOverrides('lock'), [lock])
        assert.equal(store.counts().overrides, 3)
      })

      it('replaces one and removes one', async () => {
        await store.putOverride(override())
        await store.putOverride(override({ reason: 'longer', expiresAt: AT + 9e6 }))
        assert.deepEqual(
          store.overridesOn(device).map(({ reason }) => reason),
          ['longer'],
        )
        assert.equal(await store.removeOverride('lock', device, BY), false)
        assert.equal(await store.removeOverride('exemption', device, BY), true)
        assert.equal(await store.removeOverride('exemption', device, BY), false)
        assert.deepEqual(store.overridesOn(device), [])
      })

      it('keeps any id apart from any other', async () => {
        await fc.assert(
          fc.asyncProperty(anyUser, anyUser, async (one, other) => {
            const subject = { kind: 'user', id: one } as const
            await store.putOverride(override({ subject }))
            assert.equal(store.overridesOn(subject).length, 1)
            if (one !== other) assert.deepEqual(store.overridesOn({ kind: 'user', id: other }), [])
            await store.removeOverride('exemption', subject, BY)
          }),
          { numRuns: 60 },
        )
      })

      for (const [what, id] of [
        ['too long', 'x'.repeat(3000)],
        ['empty', ''],
        ['with a NUL', 'a\0b'],
        ['half a character', '\ud83d'],
      ] as const) {
        it(`refuses one on an id that is ${what}`, async () => {
          await assert.rejects(store.putOverride(override({ subject: { kind: 'device', id } })), /device/)
          assert.deepEqual(store.overridesOn({ kind: 'device', id }), [])
          assert.equal(await store.removeOverride('exemption', { kind: 'device', id }, BY), false)
          assert.equal(store.sequence(), 0)
        })
      }
    })

    describe('statements', () => {
      const stated = attestation({ stated: { at: AT, expiresAt: AT + 9e6, remote: '192.0.2.1' } })
      const given = (user: string, attestations: readonly Attestation[]): Order => ({
        ...BY,
        kind: 'attest',
        change: 'a statement',
        effects: [{ kind: 'attestations', user, attestations }],
      })

      it('keeps all of a user as they are put, and none of another, beside the overrides', async () => {
        const list = [stated, attestation({ link: 'link-2', deviceId: 'd-2' })]
        const ofBen = [attestation({ user: 'ben@example.com' })]
        await store.order(given(stated.user, list))
        await store.order(given('ben@example.com', ofBen))
        await store.putOverride(override({ subject: { kind: 'user', id: stated.user } }))
        assert.deepEqual(store.attestationsOf(stated.user), list)
        assert.deepEqual(store.attestationsOf('carol@example.com'), [])
        assert.deepEqual(store.attestationsOf('x'.repeat(3000)), [])
        assert.deepEqual(store.listAttestations(), [list, ofBen])
        assert.equal(store.listOverrides().length, 1)
        assert.deepEqual([store.counts().overrides, store.counts().attesters], [1, 2])
        await store.order(given(stated.user, []))
        assert.deepEqual(store.attestationsOf(stated.user), [])
        assert.equal(store.counts().attesters, 1)
      })

      it('tells each write as a change of what stands beside that user, and keeps it in the history', async () => {
        await store.order(given(stated.user, [stated]))
        assert.deepEqual(changes(), [
          { sequence: 1, kind: 'override', subject: { kind: 'user', id: stated.user } },
        ])
        const [entry] = store.history(1)
        assert.ok(entry && 'kind' in entry)
        assert.deepEqual([entry.kind, entry.who, entry.change], ['attest', 'ops', 'a statement'])
      })

      it('are there when it is opened again, for any user', async () => {
        await fc.assert(
          fc.asyncProperty(anyUser, async (user) => {
            await store.order(given(user, [{ ...stated, user }]))
            assert.deepEqual(store.attestationsOf(user), [{ ...stated, user }])
          }),
          { numRuns: 20 },
        )
        await close(store)
        store = await open()
        assert.equal(store.counts().attesters, store.listAttestations().length)
      })
    })

    describe('orders', () => {
      const note = (name: string, value: object | null): Order => ({
        ...BY,
        kind: 'pending',
        change: name,
        effects: [{ kind: 'note', name, value }],
      })
      const entries = (): HistoryEntry[] =>
        store.history(100).map((one) => ('n' in one ? one : assert.fail(one.message)))

      it('are each in the history, with who, why and the version in force, one chained to the other', async () => {
        await store.applyPolicy(policy(), 'one', BY)
        await store.setModeOverride('off', { ...BY, author: 'anna' })
        await store.putOverride(override({ kind: 'lock' }))
        await store.removeOverride('lock', override().subject, { ...BY, reason: 'found it' })
        await store.applyPolicy(policy({ mode: 'monitor' }), 'two', BY)
        assert.deepEqual(
          entries().map(({ n, kind, who, reason, version }) => [n, kind, who, reason, version]),
          [
            [5, 'policy', 'ops', 'a test', 2],
            [4, 'lock', 'ops', 'found it', 1],
            [3, 'lock', 'ops', 'on loan', 1],
            [2, 'mode', 'anna', 'a test', 1],
            [1, 'policy', 'ops', 'a test', 1],
          ],
        )
        assert.equal(store.newestOrder(), 5)
        const audit = await auditHistory(store)
        assert.deepEqual(audit, { entries: 5, newestHash: entries()[0]?.hash, problem: undefined })
      })

      it('that change nothing are not', async () => {
        await store.applyPolicy(policy(), 'one', BY)
        await store.applyPolicy(policy(), 'one', BY)
        assert.equal(await store.removeOverride('lock', override().subject, BY), false)
        assert.equal(await store.order(note('absent', null)), null)
        assert.equal(store.newestOrder(), 1)
      })

      it('do all of their effects, or none where another order came between', async () => {
        await store.applyPolicy(policy(), 'one', BY)
        const order: Order = {
          ...BY,
          kind: 'policy',
          change: 'both',
          effects: [
            { kind: 'policy', policy: policy({ mode: 'off' }), sourceText: 'two' },
            { kind: 'note', name: 'beside', value: { x: 1 } },
          ],
        }
        await assert.rejects(store.order({ ...order, basedOn: 0 }), OvertakenError)
        assert.deepEqual(
          [store.activePolicy()?.version, store.note('beside'), store.newestOrder()],
          [1, undefined, 1],
        )
        assert.equal((await store.order({ ...order, basedOn: 1 }))?.version, 2)
        assert.deepEqual([store.activePolicy()?.version, store.note('beside')], [2, { x: 1 }])
        await store.setModeOverride('off', BY)
        assert.equal(store.newestOrder(), 3, 'and it goes on')
      })

      it('keep what stands beside the policy, by name', async () => {
        await store.order(note('a/1', { x: 'é\n' }))
        await store.order(note('a/2', { x: [] }))
        await store.order(note('b', {}))
        assert.deepEqual(
          store.notes('a/'),
          new Map<string, unknown>([
            ['1', { x: 'é\n' }],
            ['2', { x: [] }],
          ]),
        )
        await store.order(note('a/1', null))
        assert.deepEqual([store.note('a/1'), store.note('a/2')], [undefined, { x: [] }])
        await close(store)
        store = await open()
        assert.deepEqual(store.note('a/2'), { x: [] })
        assert.equal((await auditHistory(store)).entries, 4)
      })

      it('register a hundred certificates as one', async () => {
        const certificates = Array.from({ length: 100 }, (_, i) => {
          const certificate = { device: `d-${i}`, issuer: 'CN=Device CA', serial: i.toString(16), at: AT }
          return { key: `0a/${i.toString(16)}`, certificate, removed: false }
        })
        const entry = await store.order(certificatesOrder(certificates, BY))
        assert.deepEqual([entry?.kind, entry?.change], ['certificate', '100 certificates registered'])
        assert.deepEqual(registeredCertificates(store).get('0a/63'), certificates[99]?.certificate)
        assert.equal(await store.order(certificatesOrder(certificates, BY)), null, 'nothing is to be changed')
        const last = certificates.slice(99).map((one) => ({ ...one, removed: true }))
        assert.equal(
          (await store.order(certificatesOrder(last, BY)))?.change,
          'certificate 63 of device d-99 removed',
        )
        await close(store)
        store = await open()
        assert.equal(registeredCertificates(store).size, 99)
        assert.equal((await auditHistory(store)).entries, 2)
      })

      it('are audited in turns, while others are given', async () => {
        for (let i = 0; i < 220; i += 1) await store.order(note(`n/${i}`, {}))
        const audit = auditHistory(store)
        await store.order(note('meanwhile', {}))
        const { entries: audited, problem } = await audit
        assert.equal(problem, undefined)
        assert.ok(audited >= 220, String(audited))
        assert.equal((await auditHistory(store)).entries, 221)
      })

      it('keep any words of the person who gave them, and the chain whole', async () => {
        await fc.assert(
          fc.asyncProperty(fc.string({ unit: 'binary' }), fc.string(), async (reason, author) => {
            await store.setModeOverride('off', { reason, author, at: AT })
            const [newest] = entries()
            assert.deepEqual([newest?.reason, newest?.who], [reason, author])
            assert.equal((await auditHistory(store)).problem, undefined)
          }),
          { numRuns: 40 },
        )
      })
    })

    describe('the change log', () => {
      it('names what each write changed', async () => {
        await put(record({ owners: ['anna', 'ben'] }))
        await put(record({ owners: ['carol', 'ben'], version: 2 }))
        await store.applyPolicy(policy(), 'one', BY)
        await store.setModeOverride('off', BY)
        await store.putOverride(override())
        await store.removeOverride('exemption', override().subject, BY)
        await store.forgetDevice('d-1')
        const told = changes()
        assert.deepEqual(
          told.map(({ sequence }) => sequence),
          [1, 2, 3, 4, 5, 6, 7],
        )
        assert.equal(store.sequence(), 7)
        const owners = told.map((change) =>
          change.kind === 'device' ? [...change.owners].sort() : change.kind,
        )
        assert.deepEqual(owners, [
          ['anna', 'ben'],
          ['anna', 'ben', 'carol'],
          'policy',
          'policy',
          'override',
          'override',
          ['ben', 'carol'],
        ])
        assert.deepEqual(told[4], { sequence: 5, kind: 'override', subject: { kind: 'device', id: 'd-1' } })
      })

      it('goes on from any place, no more at once than asked', async () => {
        for (let version = 1; version <= 5; version += 1) await put(record({ version }))
        assert.deepEqual(store.changesAfter(5, 10), [])
        assert.deepEqual(
          store.changesAfter(2, 2)?.map(({ sequence }) => sequence),
          [3, 4],
        )
      })

      it('says that it cannot tell from a place it never reached', async () => {
        await put(record())
        assert.equal(store.changesAfter(2, 10), null)
      })
    })

    describe('opened again', () => {
      it('has all that was acknowledged', async () => {
        await put(record(), record({ id: 'd-2' }))
        await store.applyPolicy(policy(), 'one', BY)
        await store.setModeOverride('monitor', BY)
        await store.putOverride(override())
        const before = [store.counts(), store.sequence(), changes(), store.activePolicy()]
        await close(store)
        store = await open()
        assert.deepEqual([store.counts(), store.sequence(), changes(), store.activePolicy()], before)
        assert.deepEqual(store.device('d-2'), record({ id: 'd-2' }))
        assert.deepEqual(store.deviceIdsOf('anna@example.com', 10), ['d-1', 'd-2'])
        assert.deepEqual(store.overridesOn(override().subject), [override()])
      })
    })

    describe('two handles', () => {
      it('see what the other wrote', async () => {
        const other = await open()
        await put(record())
        await eventually(() => assert.deepEqual(other.device('d-1'), record()))
        await other.putDevices([record({ version: 2 })])
        await eventually(() => assert.equal(store.device('d-1')?.version, 2))
        await eventually(() => assert.equal(store.sequence(), 2))
      })

      it('lose nothing when both write at once', async () => {
        const other = await open()
        const writes = Array.from({ length: 50 }, async (_, i) => {
          await store.putDevices([record({ id: `a-${i}` }), record({ id: 'shared', version: i })])
          await other.putDevices([record({ id: `b-${i}` }), record({ id: 'shared', version: i })])
        })
        await Promise.all(writes)
        await eventually(() => assert.equal(store.counts().devices, 101))
        assert.equal(store.device('shared')?.version, 49)
        assert.equal(store.deviceIdsOf('anna@example.com', 1000).length, 101)
        const sequences = changes().map(({ sequence }) => sequence)
        assert.deepEqual(
          sequences,
          sequences.map((_, index) => index + 1),
        )
        assert.equal(sequences.length, store.sequence())
      })
    })
  })
}

const isSame = (one: DeviceRecord, other: DeviceRecord | undefined): boolean => {
  try {
    assert.deepEqual(one, other)
    return isDeviceId(one.id)
  } catch {
    return false
  }
}
