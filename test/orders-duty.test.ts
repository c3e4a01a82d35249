import assert from 'node:assert/strict'

import { CorruptRecordError } from '../src/devices/store'
import { AttestationDesk, AttestationRefusal } from '../src/orders/attestation-desk'
import { OrderDesk, type Draft } from '../src/orders/order-desk'
import { currentHolds } from '../src/orders/holds'
import { startOrdersDuty } from '../src/orders-duty'
import type { RepeatedLook } from '../src/repeated-look'
import type { Policy } from '../src/policy/policy'
import { FleetHost } from './devices/redis/fleet-host'
import { AT, attestation, BY, policy, record } from './devices/samples'
import { eventually } from './support/eventually'
import { RedisServer } from './support/redis-server'

const draft = (change: Partial<Policy>): Draft => {
  const made = policy({ mandates: [], ...change })
  return { policy: made, text: JSON.stringify(made) }
}

describe('orders in a fleet of two hosts', () => {
  let server: RedisServer
  let [here, there]: FleetHost[] = []
  let duty: RepeatedLook | undefined
  let told: string[]

  const both = (): [FleetHost, FleetHost] => {
    assert.ok(here && there)
    return [here, there]
  }
  beforeEach(async () => {
    told = []
    server = await RedisServer.start()
    here = FleetHost.open({ url: server.url, prefix: 'dg:', name: 'host-a' })
    there = FleetHost.open({ url: server.url, prefix: 'dg:', name: 'host-b' })
    for (const host of both()) await host.ready()
  })
  afterEach(async () => {
    await duty?.close()
    duty = undefined
    for (const host of both()) await host.remove()
    await server.remove()
  })

  const text = ({ store }: FleetHost): string | undefined =>
    store.policyVersion(
      store.policyHistory(1).flatMap((one) => ('version' in one ? one.version : []))[0] ?? 0,
    )?.sourceText
  const kinds = ({ store }: FleetHost): string[] =>
    store.history(100).flatMap((one) => (one instanceof CorruptRecordError ? [] : one.kind))

  it('take one statement by a link, whichever of them answers, also where both do at once', async () => {
    const [a, b] = both()
    const desks = [a, b].map(({ store }) => new AttestationDesk(store, () => AT))
    const asked = attestation()
    await desks[0]?.ask(asked)
    await eventually(() => assert.equal(b.store.attestationsOf(asked.user).length, 1))
    const stated = { at: AT, expiresAt: AT + 1000, remote: '192.0.2.1' }
    const became = await Promise.allSettled(desks.map((desk) => desk.state(asked, stated)))
    assert.deepEqual(became.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
    const refusal = became.find((one) => one.status === 'rejected')
    assert.ok(refusal?.reason instanceof AttestationRefusal, String(refusal?.reason))
    for (const host of [a, b])
      await eventually(() => assert.deepEqual(host.store.attestationsOf(asked.user), [{ ...asked, stated }]))
    assert.deepEqual(kinds(a), ['attest', 'attest'])
  })

  describe('a recall that was given while Redis was away', () => {
    const BEFORE = draft({ grace: 'allow' })
    const ORDER = draft({ grace: 'block' })

    /** What the command does: it had the time to give it to the store itself, and could not. */
    beforeEach(async () => {
      const [a, b] = both()
      const desk = new OrderDesk(a.store, Date.now)
      for (const one of [BEFORE, ORDER]) await desk.applyPolicy(one, BY, 0)
      await eventually(() => assert.equal(text(b), ORDER.text))
      await server.client.save()
      await server.kill()
      const target = a.store.policyVersion(1)
      assert.ok(target)
      await a.store.recallHere({ ...BY, at: Date.now() - 20_000, from: 2, target })
      assert.equal(a.store.activePolicy()?.policy.grace, 'allow')
      assert.equal(b.store.activePolicy()?.policy.grace, 'block')
    })
    const startDuty = (): void => {
      const [a] = both()
      const logger = { info: (_: object, message: string) => void told.push(message) }
      duty = startOrdersDuty({
        store: a.store,
        fleet: a.fleet,
        logger: logger as never,
        onFault: assert.ifError,
      })
    }

    it('is given to all hosts as soon as it answers, with who recalled why', async () => {
      startDuty()
      await server.start()
      const [a, b] = both()
      await eventually(() => {
        for (const host of [a, b]) {
          assert.equal(text(host), BEFORE.text)
          assert.equal(host.store.activePolicy()?.version, 3)
        }
        assert.equal(a.store.recalledHere(), undefined)
      })
      assert.deepEqual(kinds(b), ['recall', 'policy', 'policy'])
      const [entry] = b.store.history(1)
      assert.ok(entry && !(entry instanceof CorruptRecordError))
      assert.deepEqual([entry.who, entry.reason], [BY.author, BY.reason])
      assert.deepEqual(told, ['the store has the recall of this host now'])
    })

    it('is over when the store has a newer policy by then', async () => {
      const newer = draft({ grace: 'warn', contact: 'mended' })
      await server.start()
      const [a, b] = both()
      await eventually(() => new OrderDesk(b.store, Date.now).applyPolicy(newer, BY, 0))
      await eventually(() => assert.equal(text(a), newer.text))
      startDuty()
      await eventually(() => assert.equal(a.store.recalledHere(), undefined))
      assert.deepEqual([text(a), kinds(a), told], [newer.text, ['policy', 'policy', 'policy'], []])
    })
  })

  it('a mandate that is held is held on all hosts, and may block on all once one of them says so', async () => {
    const [a, b] = both()
    const now = (): number => AT
    const mandates = [
      {
        id: 'm-1',
        finding: 'app:x',
        platforms: ['ios'],
        warnFrom: AT - 1,
        deadline: AT + 86_400_000,
        message: 'Remove it',
      },
    ] as const
    await a.store.putDevices(
      Array.from({ length: 20 }, (_, i) => record({ id: `d-${i}`, findings: ['app:x'] })),
    )
    await new OrderDesk(a.store, now).applyPolicy(draft({}), BY)
    await new OrderDesk(a.store, now).applyPolicy(draft({ mandates }), BY)
    const modeOn = ({ store }: FleetHost): unknown => store.activePolicy()?.policy.mandates[0]?.mode
    await eventually(() => assert.deepEqual([modeOn(a), modeOn(b)], ['warn', 'warn']))
    assert.equal(currentHolds(b.store).held['m-1']?.newlyBlocked, 20)
    await new OrderDesk(b.store, now).confirmMandate('m-1', BY, 20)
    await eventually(() => assert.deepEqual([modeOn(a), modeOn(b)], [undefined, undefined]))
  })
})
