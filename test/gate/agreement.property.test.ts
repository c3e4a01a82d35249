import assert from 'node:assert/strict'
import fc, { type Arbitrary } from 'fast-check'
import sinon from 'sinon'

import { LmdbStore } from '../../src/devices/lmdb-store'
import type { Replica } from '../../src/devices/store'
import { DecisionGate } from '../../src/gate/decision-gate'
import { judge } from '../../src/gate/judge'
import type { Attestation } from '../../src/policy/attestation'
import type { DecisionRequest, Subject } from '../../src/policy/decision'
import type { DeviceRecord } from '../../src/policy/device'
import type { Override } from '../../src/policy/override'
import type { Policy } from '../../src/policy/policy'
import type { Mode } from '../../src/policy/vocabulary'
import { BY } from '../devices/samples'
import {
  attestations,
  DEVICE_IDS,
  devices,
  hosts,
  modes,
  moments,
  overrides,
  policies,
  subjects,
  USERS,
} from '../policy/arbitraries'
import { tempDirs } from '../support/temp-dir'
import { FakeReplica } from './fake-replica'

const POLL_MS = 50

type Write =
  | { readonly act: 'put'; readonly record: DeviceRecord }
  | { readonly act: 'forget'; readonly id: string }
  | { readonly act: 'override' | 'remove override'; readonly override: Override }
  | { readonly act: 'attest'; readonly user: string; readonly attestations: readonly Attestation[] }
  | { readonly act: 'policy'; readonly policy: Policy }
  | { readonly act: 'mode'; readonly mode: Mode | null }

/** What an ordinary day brings to a gate. */
type Act =
  | { readonly act: 'write'; readonly write: Write }
  | { readonly act: 'decide'; readonly subject: Subject }
  | { readonly act: 'clock'; readonly now: number }
  | { readonly act: 'host'; readonly host: DecisionRequest['host'] }

/** What only a replica in memory can be made to do. */
interface Trouble {
  readonly act: 'cut the log' | 'restore' | 'fail' | 'write while deciding'
  readonly subject: Subject
  readonly write: Write
}

const writes: Arbitrary<Write> = fc.oneof<{ weight: number; arbitrary: Arbitrary<Write> }[]>(
  { weight: 6, arbitrary: devices().map((record) => ({ act: 'put', record })) },
  { weight: 2, arbitrary: fc.constantFrom(...DEVICE_IDS).map((id) => ({ act: 'forget', id })) },
  { weight: 4, arbitrary: overrides.map((override) => ({ act: 'override', override })) },
  { weight: 3, arbitrary: overrides.map((override) => ({ act: 'remove override', override })) },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom(...USERS)
      .chain((user) =>
        fc.array(attestations(fc.constant(user)), { maxLength: 2 }).map((list) => [user, list] as const),
      )
      .map(([user, list]) => ({ act: 'attest', user, attestations: list })),
  },
  { weight: 1, arbitrary: policies.map((policy) => ({ act: 'policy', policy })) },
  { weight: 1, arbitrary: fc.option(modes).map((mode) => ({ act: 'mode', mode })) },
)
const acts: Arbitrary<Act> = fc.oneof<{ weight: number; arbitrary: Arbitrary<Act> }[]>(
  { weight: 10, arbitrary: writes.map((write) => ({ act: 'write', write })) },
  { weight: 16, arbitrary: subjects.map((subject) => ({ act: 'decide', subject })) },
  { weight: 4, arbitrary: moments.map((now) => ({ act: 'clock', now })) },
  { weight: 1, arbitrary: hosts.map((host) => ({ act: 'host', host })) },
)
const troubles: Arbitrary<Trouble> = fc
  .tuple(fc.constantFrom('cut the log', 'restore', 'fail', 'write while deciding'), subjects, writes)
  .map(([act, subject, write]) => ({ act, subject, write }))

/** A replica with the writes that both homes know. */
interface World {
  readonly replica: Replica
  readonly write: (write: Write) => unknown
}

const fakeWorld = (replica: FakeReplica): World => ({
  replica,
  write: (write) => {
    switch (write.act) {
      case 'put':
        replica.putDevice(write.record)
        break
      case 'forget':
        replica.forgetDevice(write.id)
        break
      case 'override':
        replica.putOverride(write.override)
        break
      case 'remove override':
        replica.removeOverride(write.override.kind, write.override.subject)
        break
      case 'attest':
        replica.putAttestations(write.user, write.attestations)
        break
      case 'policy':
        replica.applyPolicy(write.policy)
        break
      case 'mode':
        replica.setModeOverride(write.mode)
    }
  },
})

const storeWorld = (store: LmdbStore): World => ({
  replica: store,
  write: (write) => {
    switch (write.act) {
      case 'put':
        return store.putDevices([write.record])
      case 'forget':
        return store.forgetDevice(write.id)
      case 'override':
        return store.putOverride(write.override)
      case 'remove override':
        return store.removeOverride(write.override.kind, write.override.subject, BY)
      case 'attest': {
        const { user, attestations } = write
        const effects = [{ kind: 'attestations', user, attestations }] as const
        return store.order({ ...BY, kind: 'attest', change: 'a statement', effects })
      }
      case 'policy':
        return store.applyPolicy(write.policy, JSON.stringify(write.policy), BY)
      case 'mode':
        return store.setModeOverride(write.mode, BY)
    }
  },
})

describe('a gate with a cache', () => {
  const makeDir = tempDirs()
  let clock: sinon.SinonFakeTimers
  beforeEach(() => {
    clock = sinon.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  })
  afterEach(() => clock.restore())

  /** A gate over a world, and the question whether it agrees with a decision from scratch. */
  function gateOver({ replica }: World) {
    let host: DecisionRequest['host'] = { enforcement: 'policy', unidentified: 'owner' }
    let now = 0
    const gate = new DecisionGate({
      replica,
      host: () => ({ ...host, failMode: 'closed' }),
      journal: { append: () => undefined },
      revokeSpreadMs: () => 0,
      now: Date.now,
      onFault: () => undefined,
      // So few that decisions are pushed out all the time.
      cachedDecisions: 6,
    })
    const decide = (parts: Subject) => gate.decide(gate.subject(parts), now)
    return {
      decide,
      close: () => gate.close(),
      setClock: (to: number) => (now = to),
      setHost: (to: DecisionRequest['host']) => {
        host = to
        gate.hostChanged()
      },
      assertAgrees: (parts: Subject): void => {
        clock.tick(POLL_MS)
        const decision = decide(parts)
        const fresh = judge(replica, parts, replica.activePolicy()!, host, now).decision
        assert.deepEqual({ ...decision, ...fresh }, decision)
      },
    }
  }
  type Gate = ReturnType<typeof gateOver>

  /** What it gives is to be awaited, where the world's writes are promises. */
  function perform(act: Act, world: World, gate: Gate): unknown {
    switch (act.act) {
      case 'write':
        return world.write(act.write)
      case 'decide':
        gate.assertAgrees(act.subject)
        break
      case 'clock':
        gate.setClock(act.now)
        break
      case 'host':
        gate.setHost(act.host)
    }
    return undefined
  }

  function makeTrouble(trouble: Trouble, replica: FakeReplica, gate: Gate): void {
    const world = fakeWorld(replica)
    switch (trouble.act) {
      case 'cut the log':
        replica.cutLog()
        break
      case 'restore':
        clock.tick(POLL_MS)
        replica.restoreOlder()
        clock.tick(POLL_MS)
        break
      case 'fail':
        void world.write(trouble.write)
        replica.failure = new Error('the disk is gone')
        clock.tick(POLL_MS)
        gate.decide(trouble.subject)
        replica.failure = undefined
        break
      case 'write while deciding':
        replica.commitWhileDeciding = () => void world.write(trouble.write)
        gate.decide(trouble.subject)
        replica.commitWhileDeciding = undefined
    }
  }

  it('agrees with a decision from scratch after any changes, clock moves and troubles', () => {
    const anything = fc.oneof({ weight: 6, arbitrary: acts }, { weight: 1, arbitrary: troubles })
    fc.assert(
      fc.property(policies, moments, days(anything), (policy, now, day) => {
        const replica = new FakeReplica()
        const world = fakeWorld(replica)
        replica.applyPolicy(policy)
        const gate = gateOver(world)
        gate.setClock(now)
        for (const act of day) {
          if (isTrouble(act)) makeTrouble(act, replica, gate)
          else perform(act, world, gate)
        }
        gate.close()
      }),
      { numRuns: 400 },
    )
  })

  it('agrees with a decision from scratch over the embedded store', async () => {
    await fc.assert(
      fc.asyncProperty(policies, moments, days(acts), async (policy, now, day) => {
        const store = LmdbStore.open(makeDir())
        const world = storeWorld(store)
        await world.write({ act: 'policy', policy })
        const gate = gateOver(world)
        gate.setClock(now)
        for (const act of day) await perform(act, world, gate)
        gate.close()
        await store.close()
      }),
      { numRuns: 20 },
    )
  })
})

const days = <T>(act: Arbitrary<T>): Arbitrary<T[]> => fc.array(act, { maxLength: 60, size: 'max' })

const TROUBLES: readonly string[] = ['cut the log', 'restore', 'fail', 'write while deciding']
const isTrouble = (act: Act | Trouble): act is Trouble => TROUBLES.includes(act.act)
