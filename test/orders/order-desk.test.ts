import assert from 'node:assert/strict'

import { LmdbStore } from '../../src/devices/lmdb-store'
import { CorruptRecordError } from '../../src/devices/store'
import { GuardRefusal } from '../../src/orders/guard-refusal'
import { OrderDesk, type Draft } from '../../src/orders/order-desk'
import { ApprovalRefusal, proposals } from '../../src/orders/proposal'
import { newestRecall, RecallRefusal } from '../../src/orders/recall'
import { currentHolds, NotHeldError } from '../../src/orders/holds'
import { pendingEdit } from '../../src/orders/pending'
import type { Mandate, Policy } from '../../src/policy/policy'
import { effectOn } from '../../src/policy/what-if'
import { tempDirs } from '../support/temp-dir'
import { AT, BY, override, policy, record } from '../devices/samples'

const APP = 'app:com.example.game'
/** Of 100 devices so many have the app. */
const WITH_APP = 20

const mandate = (change: Partial<Mandate> = {}): Mandate => ({
  id: 'm-1',
  finding: APP,
  platforms: ['ios'],
  warnFrom: AT - 2,
  deadline: AT - 1,
  message: 'Remove it',
  ...change,
})

describe('the order desk', () => {
  const tempDir = tempDirs()
  let store: LmdbStore
  let desk: OrderDesk
  let now: number

  beforeEach(async () => {
    store = LmdbStore.open(tempDir())
    now = AT
    desk = new OrderDesk(store, () => now)
    await store.putDevices(
      Array.from({ length: 100 }, (_, i) =>
        record({ id: `d-${i}`, owners: [`u-${i % 10}`], findings: i < WITH_APP ? [APP] : [] }),
      ),
    )
  })
  afterEach(() => store.close())

  const draft = (change: Partial<Policy>): Draft => {
    const made = policy(change)
    return { policy: made, text: JSON.stringify(made) }
  }
  const HARMLESS = draft({ mandates: [] })
  const BANNED = draft({ mandates: [mandate()] })
  const inForce = (): number | undefined => store.activePolicy()?.version
  const refused = async (given: Promise<unknown>, ...told: RegExp[]): Promise<void> => {
    const before = store.sequence()
    await assert.rejects(given, (error) => {
      assert.ok(error instanceof GuardRefusal, String(error))
      for (const pattern of told) assert.match(error.message, pattern)
      return true
    })
    assert.equal(store.sequence(), before, 'nothing was written')
  }

  describe('a policy', () => {
    it('that is the first of a site is not guarded', async () => {
      assert.equal((await desk.applyPolicy(BANNED, BY)).entry?.version, 1)
    })

    it('that would newly block more than the bound is refused with the figure, and passes with it', async () => {
      await desk.applyPolicy(HARMLESS, BY)
      await refused(desk.applyPolicy(BANNED, BY), /newly block 20 of 100 devices.* allows 5.* --confirm 20$/)
      await refused(desk.applyPolicy(BANNED, BY, 19), /^19 is not the figure: .* 20 of 100/)
      const { entry } = await desk.applyPolicy(BANNED, BY, 20)
      assert.equal(entry?.version, 2)
      assert.match(entry.change, /^Newly blocks 20 of 100 devices\. m-1 is new\. .* ios phones with the app /)
    })

    it('is refused by its figure of this moment, not of the one that was seen', async () => {
      await desk.applyPolicy(HARMLESS, BY)
      await refused(desk.applyPolicy(BANNED, BY))
      await store.putDevices([record({ id: 'one-more', findings: [APP] })])
      await refused(desk.applyPolicy(BANNED, BY, 20), /^20 is not the figure: .* 21 of 101/)
    })

    const bounds: [what: string, maxNewBlocks: Policy['maxNewBlocks'], held: boolean][] = [
      ['the percentage just allows', { percent: 20, count: 1000 }, false],
      ['the percentage does not', { percent: 19, count: 1000 }, true],
      ['the count just allows', { percent: 100, count: 20 }, false],
      ['the count does not', { percent: 100, count: 19 }, true],
    ]
    for (const [what, maxNewBlocks, held] of bounds)
      it(`goes by the bound of the policy in force: one that ${what}`, async () => {
        await desk.applyPolicy(draft({ mandates: [], maxNewBlocks }), BY)
        const loose = draft({ mandates: [mandate()], maxNewBlocks: { percent: 100, count: 1000 } })
        if (held) await refused(desk.applyPolicy(loose, BY))
        else assert.equal((await desk.applyPolicy(loose, BY)).entry?.version, 2)
      })

    it('that only loosens is never held, whatever the bound', async () => {
      await desk.applyPolicy(draft({ mandates: [mandate()], maxNewBlocks: { percent: 0, count: 0 } }), BY)
      assert.equal((await desk.applyPolicy(HARMLESS, BY)).entry?.version, 2)
    })

    it('in monitor mode blocks nobody, and is not held', async () => {
      await desk.applyPolicy(HARMLESS, BY)
      const monitored = draft({ mode: 'monitor', mandates: [mandate()] })
      assert.equal((await desk.applyPolicy(monitored, BY)).figure.newlyBlocked, 0)
    })

    it('counts those whose apps nobody can see, where unknown devices are blocked', async () => {
      await store.putDevices(
        Array.from({ length: 10 }, (_, i) =>
          record({ id: `d-${50 + i}`, version: 9, findings: ['unseen:app'] }),
        ),
      )
      await desk.applyPolicy(HARMLESS, BY)
      await refused(desk.applyPolicy(draft({ mandates: [mandate()], unknown: 'warn' }), BY), /20 of 100/)
      await refused(desk.applyPolicy(draft({ mandates: [mandate()], unknown: 'block' }), BY), /30 of 100/)
      const toCome = mandate({ warnFrom: AT, deadline: AT + 1000 })
      await desk.applyPolicy(draft({ mandates: [toCome], unknown: 'block' }), BY)
      assert.equal(currentHolds(store).held['m-1']?.newlyBlocked, 30)
    })

    it('of 10,000 mandates is worked out like any other', async () => {
      await desk.applyPolicy(HARMLESS, BY)
      const many = Array.from({ length: 10_000 }, (_, i) =>
        mandate({ id: `m-${i}`, finding: i === 9999 ? APP : `app:${i}` }),
      )
      await refused(desk.applyPolicy(draft({ mandates: many }), BY), /20 of 100/)
    })

    it('is worked out anew when another order came between', async () => {
      await desk.applyPolicy(draft({ mode: 'monitor', mandates: [mandate()] }), BY)
      const order = store.order.bind(store)
      let first = true
      store.order = async (given) => {
        if (first) {
          first = false
          await order({ ...BY, kind: 'mode', change: '', effects: [{ kind: 'mode', mode: 'off' }] })
        }
        return order(given)
      }
      const { entry } = await desk.applyPolicy(draft({ mode: 'monitor', mandates: [] }), BY)
      assert.deepEqual([entry?.n, inForce()], [3, 2])
    })

    it('that asks for a second person does not pass with its figure', async () => {
      const maxNewBlocks = { percent: 5, count: 50, approval: 'second' } as const
      await desk.applyPolicy(draft({ mandates: [], maxNewBlocks }), BY)
      await refused(desk.applyPolicy(BANNED, BY, 20), /asks for a second person.*policy propose/)
    })
  })

  describe('a mode', () => {
    beforeEach(() => desk.applyPolicy(draft({ mode: 'monitor', mandates: [mandate()] }), BY))

    it('that begins to enforce is guarded like a policy', async () => {
      await refused(desk.setMode('enforce', BY), /20 of 100/)
      await desk.setMode('enforce', BY, 20)
      assert.equal(store.activePolicy()?.modeOverride, 'enforce')
    })
    it('that loosens is not', async () => {
      await desk.setMode('enforce', BY, 20)
      await desk.setMode('off', BY)
      assert.equal(store.activePolicy()?.modeOverride, 'off')
    })
    it('whose taking away blocks is', async () => {
      await desk.setMode('off', BY)
      await desk.applyPolicy(BANNED, BY)
      await refused(desk.setMode(null, BY), /20 of 100/)
    })
  })

  describe('a lock or an exemption', () => {
    beforeEach(() => desk.applyPolicy(BANNED, BY))
    const exemption = override({ subject: { kind: 'user', id: 'u-1' } })

    it('on one device passes: a percentage is rounded up', async () => {
      await desk.applyPolicy(draft({ mandates: [], maxNewBlocks: { percent: 0.1, count: 50 } }), BY)
      const { figure } = await desk.putOverride(override({ kind: 'lock' }))
      assert.deepEqual(figure, { newlyBlocked: 1, devices: 100, bound: 1 })
    })
    it('on a user with many devices is held', async () => {
      const lock = override({ kind: 'lock', subject: { kind: 'user', id: 'u-1' } })
      await refused(desk.putOverride(lock), /newly block 8 of 100/)
      assert.equal((await desk.putOverride(lock, 8)).entry?.kind, 'lock')
    })
    it('that ends early blocks whom it let through', async () => {
      await desk.putOverride(exemption)
      await desk.applyPolicy(draft({ mandates: [mandate()], maxNewBlocks: { percent: 1, count: 50 } }), BY)
      await refused(desk.removeOverride('exemption', exemption.subject, BY), /newly block 2 of 100/)
      assert.ok((await desk.removeOverride('exemption', exemption.subject, BY, 2)).entry)
    })
    it('that was not there: nothing is done', async () => {
      assert.equal((await desk.removeOverride('lock', exemption.subject, BY)).entry, null)
    })
  })

  describe('an edit of the policy file', () => {
    beforeEach(() => desk.takeFile(HARMLESS, BY))

    it('within the bound is in force', async () => {
      const { pending, entry } = await desk.takeFile(draft({ mandates: [], grace: 'allow' }), BY)
      assert.deepEqual([pending, entry?.version], [undefined, 2])
    })
    it('over the bound is held back: what is in force stays, and the same file changes nothing', async () => {
      const { pending } = await desk.takeFile(BANNED, BY)
      assert.deepEqual(pending, {
        text: BANNED.text,
        newlyBlocked: 20,
        devices: 100,
        bound: 5,
        since: AT,
        cause: 'guard',
      })
      assert.equal(inForce(), 1)
      const n = store.newestOrder()
      assert.deepEqual((await desk.takeFile(BANNED, { ...BY, at: AT + 9 })).pending, pending)
      assert.equal(store.newestOrder(), n)
    })
    it('that was held back is in force once its figure is confirmed, and not with another', async () => {
      await desk.takeFile(BANNED, BY)
      await refused(desk.confirmPending(BANNED, BY, 19), /^19 is not the figure: .* policy confirm 20$/)
      const { entry } = await desk.confirmPending(BANNED, BY, 20)
      assert.deepEqual([entry?.kind, entry?.version, pendingEdit(store)], ['confirm', 2, undefined])
    })
    it('that is newer takes the place of the one that was held back', async () => {
      await desk.takeFile(BANNED, BY)
      await desk.takeFile(draft({ mandates: [], grace: 'allow' }), BY)
      assert.deepEqual([inForce(), pendingEdit(store)], [2, undefined])
    })
    it('back to what is in force withdraws it', async () => {
      await desk.takeFile(BANNED, BY)
      await desk.takeFile(HARMLESS, BY)
      assert.deepEqual([inForce(), pendingEdit(store)], [1, undefined])
    })
  })

  describe('a recall', () => {
    const EARLIER = draft({ mandates: [], grace: 'allow' })
    beforeEach(async () => {
      await desk.takeFile(EARLIER, BY)
      await desk.takeFile(HARMLESS, BY)
      await desk.applyPolicy(BANNED, BY, 20)
    })
    const says = (): string | undefined => store.policyVersion(inForce() ?? 0)?.sourceText
    const refusal = (to: number | undefined, told: RegExp): Promise<void> =>
      assert.rejects(desk.recall(to, BY, true), (error) => {
        assert.ok(error instanceof RecallRefusal, String(error))
        assert.match(error.message, told)
        return true
      })

    it('goes back to the policy before, as a new version, and says which took the place of which', async () => {
      const { from, target, entry } = await desk.recall(undefined, BY, true)
      assert.deepEqual([from, target.version, entry?.version, entry?.kind], [3, 2, 4, 'recall'])
      assert.deepEqual([inForce(), says()], [4, HARMLESS.text])
      assert.deepEqual(newestRecall(store), { ...BY, version: 4, to: 2, from: 3, pinned: true })
    })
    it('once more goes back further, and at last there is nothing before', async () => {
      await desk.recall(undefined, BY, true)
      await desk.recall(undefined, BY, true)
      assert.equal(says(), EARLIER.text)
      await refusal(undefined, /no policy before the one in force: .* mode off/)
    })
    it('goes to any version, and is not held up by the guard', async () => {
      await desk.recall(1, BY, true)
      assert.equal(says(), EARLIER.text)
      await desk.recall(3, BY, true)
      assert.equal(says(), BANNED.text)
    })
    it('to a version that is not there, or says what is in force, is refused', async () => {
      await refusal(9, /no policy version 9: see device-gate policy history/)
      await refusal(3, /version 3 says is in force already/)
    })
    it('passes over a version that cannot be read', async () => {
      const policyVersion = store.policyVersion.bind(store)
      store.policyVersion = (version) => {
        if (version === 2) throw new CorruptRecordError('policies/2', 'is damaged')
        return policyVersion(version)
      }
      assert.equal((await desk.recall(undefined, BY, true)).target.version, 1)
      await assert.rejects(desk.recall(2, BY, true), CorruptRecordError)
    })
    it('stands against the policy file: the same file and the next edit are held back', async () => {
      await desk.recall(undefined, BY, true)
      const { pending } = await desk.takeFile(BANNED, BY)
      assert.deepEqual([pending?.cause, pending?.newlyBlocked, says()], ['recall', 20, HARMLESS.text])
      const next = draft({ mandates: [], grace: 'block' })
      assert.equal((await desk.takeFile(next, BY)).pending?.cause, 'recall')
      assert.equal(says(), HARMLESS.text)
      await desk.confirmPending(next, BY, 0)
      assert.deepEqual([says(), newestRecall(store)?.pinned], [next.text, false])
    })
    it('is over when the file says what is in force', async () => {
      await desk.recall(undefined, BY, true)
      await desk.takeFile(HARMLESS, BY)
      assert.equal(newestRecall(store)?.pinned, false)
    })
    it('is released by hand, and not twice', async () => {
      await desk.recall(undefined, BY, true)
      assert.ok((await desk.unpin(BY)).entry)
      assert.equal((await desk.unpin(BY)).entry, null)
      const { pending } = await desk.takeFile(BANNED, BY)
      assert.equal(pending?.cause, 'guard', 'the guard stays')
    })
    it('of a site without a policy is refused', async () => {
      const empty = LmdbStore.open(tempDir())
      await assert.rejects(new OrderDesk(empty, () => now).recall(undefined, BY, true), RecallRefusal)
      await empty.close()
    })
  })

  describe('a proposal', () => {
    const ANNA = { ...BY, author: 'anna', reason: 'the works council agreed' }
    const maxNewBlocks = { percent: 5, count: 50, approval: 'second' } as const
    beforeEach(() => desk.takeFile(draft({ mandates: [], maxNewBlocks }), BY))
    const refusal = (given: Promise<unknown>, told: RegExp): Promise<void> =>
      assert.rejects(given, (error) => error instanceof ApprovalRefusal && told.test(error.message))

    it('is in force once another person approves it, and both are in the history', async () => {
      const { id, figure } = await desk.propose(BANNED, ANNA)
      assert.deepEqual([figure.newlyBlocked, inForce()], [20, 1])
      const { entry } = await desk.approve(id, BANNED, BY)
      assert.deepEqual([entry?.kind, entry?.who, entry?.version], ['approve', BY.author, 2])
      assert.match(
        entry?.change ?? '',
        /^Proposed by anna \(the works council agreed\)\. Newly blocks 20 of 100/,
      )
      assert.equal(proposals(store).size, 0)
      await refusal(desk.approve(id, BANNED, BY), /there is no proposal/)
    })
    it('is not approved by its own author', async () => {
      const { id } = await desk.propose(BANNED, ANNA)
      await refusal(desk.approve(id, BANNED, ANNA), /is by anna: somebody else has to approve it/)
      assert.equal(inForce(), 1)
    })
    it('that would block more by now is not approved: nobody was told of those', async () => {
      const { id } = await desk.propose(BANNED, ANNA)
      await store.putDevices([record({ id: 'one-more', findings: [APP] })])
      await refusal(
        desk.approve(id, BANNED, BY),
        /would newly block 21 devices, not the 20 that were proposed/,
      )
    })
    it('puts an edit in force that was held back, which its figure alone does not', async () => {
      await desk.takeFile(BANNED, BY)
      await refused(desk.confirmPending(BANNED, BY, 20), /asks for a second person/)
      const { id } = await desk.propose(BANNED, ANNA)
      await desk.approve(id, BANNED, BY)
      assert.deepEqual([inForce(), pendingEdit(store)], [2, undefined])
    })
  })

  describe('a deadline to come', () => {
    const SOON = AT + 86_400_000
    const coming = (change: Partial<Mandate> = {}): Draft =>
      draft({ mandates: [mandate({ deadline: SOON, ...change })] })
    const AHEAD = 600_000
    const blockedAt = (at: number): boolean => {
      const active = store.activePolicy()
      const device = store.device('d-0')
      assert.ok(active && device)
      return effectOn(device, { overrides: [], attestations: [] }, active, at).effect === 'block'
    }
    const isHeld = (): boolean => 'm-1' in currentHolds(store).held
    /** All but three of those that have it. */
    const withApp = (findings: readonly string[], version: number): Promise<unknown> =>
      store.putDevices(
        Array.from({ length: WITH_APP - 3 }, (_, i) => record({ id: `d-${i + 3}`, findings, version })),
      )
    beforeEach(() => desk.applyPolicy(HARMLESS, BY))

    it('that would newly block too many is held from the order on: its mandate warns at most', async () => {
      await desk.applyPolicy(coming(), BY)
      const { newlyBlocked, devices, bound, moment } = currentHolds(store).held['m-1'] ?? assert.fail()
      assert.deepEqual([newlyBlocked, devices, bound, moment], [20, 100, 5, SOON])
      assert.equal(blockedAt(SOON), false)
      assert.equal(store.activePolicy()?.policy.mandates[0]?.mode, 'warn')
    })
    it('within the bound is not held', async () => {
      await desk.applyPolicy(coming({ stages: [{ percent: 1, from: SOON }] }), BY)
      assert.equal(isHeld(), false)
    })
    it('blocks once its figure is confirmed, before it or after', async () => {
      for (const at of [AT, SOON + 5]) {
        await desk.applyPolicy(HARMLESS, BY)
        now = AT
        await desk.applyPolicy(coming(), BY)
        now = at
        await refused(desk.confirmMandate('m-1', BY, 19), /^19 is not the figure: .* 20 of 100/)
        await desk.confirmMandate('m-1', BY, 20)
        assert.deepEqual([isHeld(), blockedAt(SOON)], [false, true])
        await desk.foresee(BY, AHEAD)
        assert.equal(isHeld(), false, 'what was confirmed is not held again')
      }
      await assert.rejects(desk.confirmMandate('m-1', BY, 20), NotHeldError)
    })
    it('stays held over other orders, and is looked at anew when its mandate changes', async () => {
      await desk.applyPolicy(coming(), BY)
      now = SOON + 5
      await desk.setMode('enforce', BY)
      const other = draft({ mandates: [mandate({ deadline: SOON })], grace: 'allow' })
      await desk.applyPolicy(other, BY)
      assert.deepEqual([isHeld(), blockedAt(now)], [true, false])
      await refused(desk.applyPolicy(coming({ message: 'Now' }), BY), /20 of 100/)
    })
    it('is held when devices come to break the bound later', async () => {
      await store.putDevices(
        Array.from({ length: WITH_APP }, (_, i) => record({ id: `d-${i}`, findings: [], version: 2 })),
      )
      await desk.applyPolicy(coming(), BY)
      await desk.foresee(BY, AHEAD)
      assert.equal(isHeld(), false)
      await store.putDevices(
        Array.from({ length: WITH_APP }, (_, i) => record({ id: `d-${i}`, findings: [APP], version: 3 })),
      )
      await desk.foresee(BY, AHEAD)
      assert.equal(isHeld(), true)
    })
    it('that has passed is not held when the clock is set back over it', async () => {
      await withApp([], 2)
      await desk.applyPolicy(coming(), BY)
      now = SOON - 1000
      await desk.foresee(BY, AHEAD)
      now = SOON + 1000
      assert.equal(blockedAt(now), true)
      await desk.foresee(BY, AHEAD)
      await withApp([APP], 3)
      now = AT
      const order = store.newestOrder()
      await desk.foresee(BY, AHEAD)
      assert.deepEqual([isHeld(), store.newestOrder()], [false, order])
    })
    it('is looked at when a mode begins to enforce', async () => {
      await desk.setMode('monitor', BY)
      await desk.applyPolicy(coming(), BY)
      assert.equal(isHeld(), false)
      await desk.setMode('enforce', BY)
      assert.deepEqual([isHeld(), blockedAt(SOON)], [true, false])
    })
    it('that has passed is not held by an unrelated edit of the policy while the clock is set back over it', async () => {
      await withApp([], 2)
      await desk.applyPolicy(coming(), BY)
      now = SOON - 1000
      await desk.foresee(BY, AHEAD)
      await withApp([APP], 3)
      now = AT
      const edited = (change: Partial<Mandate> = {}): Draft =>
        draft({ mandates: [mandate({ deadline: SOON, ...change })], grace: 'allow' })
      await desk.applyPolicy(edited(), BY)
      await desk.foresee(BY, AHEAD)
      assert.deepEqual([isHeld(), blockedAt(SOON)], [false, true])
      await desk.applyPolicy(edited({ message: 'Now' }), BY)
      assert.equal(isHeld(), true, 'a mandate that is changed is looked at anew')
    })
    it('lies behind an order in force already, and is not held after the fact', async () => {
      await desk.applyPolicy(BANNED, BY, 20)
      await desk.foresee(BY, AHEAD)
      assert.deepEqual([isHeld(), blockedAt(AT)], [false, true])
    })

    describe('of several stages', () => {
      const LATER = SOON + 86_400_000
      const groups = { pilot: ['d-0', 'd-1', 'pilot'], eight: Array.from({ length: 8 }, (_, i) => `d-${i}`) }
      const staged = (first: string): Draft =>
        draft({
          groups,
          mandates: [
            mandate({
              deadline: SOON,
              stages: [
                { groups: [first], from: SOON },
                { percent: 100, from: LATER },
              ],
            }),
          ],
        })
      const effectAt = (id: string, at: number): string => {
        const active = store.activePolicy()
        const device = store.device(id)
        assert.ok(active && device)
        return effectOn(device, { overrides: [], attestations: [] }, active, at).effect
      }
      const heldFrom = (): (number | undefined)[] => {
        const hold = currentHolds(store).held['m-1']
        return [hold?.moment, hold?.newlyBlocked]
      }

      it('is held from the one on that would block too many; those before block', async () => {
        await desk.applyPolicy(staged('pilot'), BY)
        assert.deepEqual(heldFrom(), [LATER, 18])
        assert.deepEqual([effectAt('d-0', SOON), effectAt('d-0', LATER)], ['block', 'block'])
        assert.deepEqual([effectAt('d-5', SOON), effectAt('d-5', LATER)], ['warn', 'warn'])
        now = SOON + 5
        await refused(desk.confirmMandate('m-1', BY, 17), /^17 is not the figure: .* 18 of 100/)
        await desk.confirmMandate('m-1', BY, 18)
        assert.deepEqual([effectAt('d-5', SOON), effectAt('d-5', LATER)], ['warn', 'block'])
      })
      it('is confirmed one by one: the next one is held in its turn, with the same order', async () => {
        await desk.applyPolicy(staged('eight'), BY)
        assert.deepEqual(heldFrom(), [SOON, 8])
        assert.equal(effectAt('d-0', SOON), 'warn')
        await desk.confirmMandate('m-1', BY, 8)
        assert.deepEqual(heldFrom(), [LATER, 12])
        assert.deepEqual([effectAt('d-0', SOON), effectAt('d-9', LATER)], ['block', 'warn'])
        await desk.confirmMandate('m-1', BY, 12)
        assert.deepEqual([heldFrom(), effectAt('d-9', LATER)], [[undefined, undefined], 'block'])
      })
      it('confirmed late, is confirmed for all that have passed', async () => {
        await desk.applyPolicy(staged('eight'), BY)
        now = LATER + 1
        await refused(desk.confirmMandate('m-1', BY, 8), /^8 is not the figure: .* 20 of 100/)
        await desk.confirmMandate('m-1', BY, 20)
        assert.deepEqual([isHeld(), effectAt('d-9', now)], [false, 'block'])
      })
      it('is held from an earlier one on that comes to block too many later', async () => {
        await desk.applyPolicy(staged('pilot'), BY)
        const pilots = Array.from({ length: 10 }, (_, i) =>
          record({ id: `new-${i}`, owners: ['pilot'], findings: [APP] }),
        )
        await store.putDevices(pilots)
        assert.deepEqual(heldFrom(), [LATER, 18])
        await desk.foresee(BY, AHEAD)
        assert.deepEqual(heldFrom(), [SOON, 12])
      })
    })

    describe('that is held, where the policy asks for a second person', () => {
      const OLGA = { ...BY, author: 'olga', reason: 'the works council agreed' }
      const maxNewBlocks = { percent: 5, count: 50, approval: 'second' } as const
      const asking = draft({ mandates: [mandate({ deadline: SOON })], maxNewBlocks })
      const refusal = (given: Promise<unknown>, told: RegExp): Promise<void> =>
        assert.rejects(given, (error) => error instanceof ApprovalRefusal && told.test(error.message))
      beforeEach(() => desk.applyPolicy(asking, BY))

      it('does not block by its figure alone', () =>
        refused(
          desk.confirmMandate('m-1', BY, 20),
          /asks for a second person.*policy propose --mandate MANDATE/,
        ))
      it('blocks once another person approves what was proposed, and both are in the history', async () => {
        const { id, figure } = await desk.proposeMandate('m-1', OLGA)
        assert.deepEqual([figure.newlyBlocked, isHeld()], [20, true])
        await refusal(desk.approveMandate(id, 'm-1', OLGA), /is by olga: somebody else has to approve it/)
        await refusal(desk.approve(id, asking, BY), /there is no proposal/)
        const { entry } = await desk.approveMandate(id, 'm-1', BY)
        assert.deepEqual([entry?.kind, entry?.who], ['approve', BY.author])
        assert.equal(
          entry?.change,
          'Proposed by olga (the works council agreed). Mandate m-1 may block 20 of 100 devices.',
        )
        assert.deepEqual([isHeld(), blockedAt(SOON), proposals(store).size], [false, true, 0])
        await refusal(desk.approveMandate(id, 'm-1', BY), /there is no proposal/)
      })
      it('is not approved when it would block more by now', async () => {
        const { id } = await desk.proposeMandate('m-1', OLGA)
        await store.putDevices([record({ id: 'one-more', findings: [APP] })])
        await refusal(
          desk.approveMandate(id, 'm-1', BY),
          /newly block 21 devices, not the 20 that were proposed/,
        )
      })
      it('is not proposed when it is not held', () =>
        assert.rejects(desk.proposeMandate('m-2', OLGA), NotHeldError))
    })
    it('looking ahead writes nothing where there is nothing new', async () => {
      await desk.applyPolicy(coming(), BY)
      const order = store.newestOrder()
      await desk.foresee(BY, AHEAD)
      assert.equal(store.newestOrder(), order)
    })
  })
})
