import assert from 'node:assert/strict'
import path from 'node:path'

import { LmdbStore } from '../../src/devices/lmdb-store'
import { DecisionGate } from '../../src/gate/decision-gate'
import type { KeyedSubject } from '../../src/gate/gate'
import { AT, BY, override, policy, record } from '../devices/samples'
import { eventually } from '../support/eventually'
import { WatchedProcess } from '../support/process'
import { tempDirs } from '../support/temp-dir'

const ROOT = path.join(__dirname, '../..')

describe('the decision gate over the embedded store', () => {
  const makeDir = tempDirs()
  let dir: string
  let store: LmdbStore
  let gate: DecisionGate
  let phone: KeyedSubject

  beforeEach(async () => {
    dir = makeDir()
    store = LmdbStore.open(dir)
    await store.applyPolicy(policy(), 'v1', BY)
    await store.putDevices([record()])
    gate = new DecisionGate({
      replica: store,
      host: () => ({ enforcement: 'policy', unidentified: 'owner', failMode: 'closed' }),
      journal: { append: () => undefined },
      revokeSpreadMs: () => 0,
      now: Date.now,
      onFault: (error) => assert.fail(String(error)),
    })
    phone = gate.subject({
      user: 'anna@example.com',
      claim: { deviceId: 'd-1', proof: 'tag' },
      platformHint: null,
      exemptNetwork: false,
    })
    assert.equal(reason(), 'compliant')
  })
  afterEach(async () => {
    gate.close()
    await store.close()
  })

  const reason = (): string => gate.decide(phone, AT).reason
  const becomes = (expected: string): Promise<void> => eventually(() => assert.equal(reason(), expected))

  it('sees each kind of change', async () => {
    await store.putDevices([record({ state: 'noncompliant', version: 2 })])
    await becomes('noncompliant')
    await store.putOverride(override({ subject: { kind: 'user', id: 'anna@example.com' } }))
    await becomes('exempted')
    await store.putOverride(override({ kind: 'lock' }))
    await becomes('locked')
    await store.removeOverride('lock', { kind: 'device', id: 'd-1' }, BY)
    await becomes('exempted')
    await store.removeOverride('exemption', { kind: 'user', id: 'anna@example.com' }, BY)
    await becomes('noncompliant')
    await store.forgetDevice('d-1')
    await becomes('unknown_device')
    await store.setModeOverride('off', BY)
    await becomes('mode_off')
    await store.setModeOverride(null, BY)
    await becomes('unknown_device')
    await store.applyPolicy(policy({ mode: 'off' }), 'v2', BY)
    await becomes('mode_off')
  })

  it('sees a change that another process makes', async () => {
    const script = `
      const { LmdbStore } = require('./src/devices/lmdb-store')
      const store = LmdbStore.open(process.argv[1])
      void store.putDevices([JSON.parse(process.argv[2])]).then(() => store.close())`
    const changed = JSON.stringify(record({ state: 'noncompliant', version: 2 }))
    const writer = new WatchedProcess(
      process.execPath,
      ['--require', 'tsx/cjs', '--eval', script, dir, changed],
      { cwd: ROOT },
    )
    assert.equal(await writer.exited, 0, writer.output)
    await becomes('noncompliant')
  })
})
