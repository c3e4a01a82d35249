import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'

import { openEnvironment } from '../../src/lmdb/environment'
import { deviceLine } from '../support/device-line'
import { Dovecot } from '../support/dovecot'
import { eventually } from '../support/eventually'
import { HarakaSite } from '../support/haraka-site'
import { imapClient, submitMail, syncMail, type Login, type Sync } from '../support/mail-client'

const USER = 'anna@example.com'
const PASSWORD = 'secret'

describe('when the replica fails', () => {
  let dovecot: Dovecot
  let site: HarakaSite

  before(async () => {
    dovecot = await Dovecot.start({ users: { [USER]: PASSWORD } })
    dovecot.deliver(USER, 'From: ben@example.com\r\nSubject: hello\r\n\r\nLunch?\r\n')
  })
  after(() => dovecot.remove())
  beforeEach(async () => {
    site = await HarakaSite.create({
      nodes: 2,
      policy: 'mode: enforce\n',
      upstreamPort: dovecot.port,
      users: { [USER]: PASSWORD },
    })
    await site.run('tag', 'rotate')
    for (const id of ['good-phone', 'broken-phone']) await site.run('device', 'put', deviceLine({ id }))
    await site.run('device', 'put', deviceLine({ id: 'bad-phone', state: 'noncompliant' }))
  })
  afterEach(() => site.remove())

  const login = async (device: string): Promise<Login> => ({
    user: await site.tag(USER, device),
    pass: PASSWORD,
  })
  const sync = async (device: string): Promise<Sync> =>
    syncMail(imapClient(site.imapPort, await login(device)))
  const submit = async (device: string): Promise<string> => submitMail(site.smtpPort, await login(device))
  const reads = async (device: string): Promise<void> => {
    assert.equal((await sync(device)).subject, 'hello')
    assert.match(await submit(device), /^250 /)
  }

  /** As a failing disk would leave it: something that is no record. */
  async function damage(id: string): Promise<void> {
    const environment = openEnvironment(path.join(site.dir, 'var', 'replica'), { schema: 1 })
    const devices = environment.database('devices')
    await environment.write(() => void devices.put(id, '{"id":"broken-ph'))
    await environment.close()
  }

  it('one record is damaged: that device alone cannot tell for now, until it is written again', async () => {
    await damage('broken-phone')
    await site.start()
    const { refusal } = await sync('broken-phone')
    assert.equal(refusal?.code, 'UNAVAILABLE')
    assert.match(await submit('broken-phone'), /^451 4\.7\.1 Access cannot be checked right now/)
    await site.haraka.until(/devices\/broken-phone: /)
    await reads('good-phone')
    assert.equal((await sync('bad-phone')).refusal?.code, 'CONTACTADMIN')
    await eventually(() => {
      const line = site.blockLog().find(({ device }) => device === 'broken-phone')
      assert.deepEqual([line?.['outcome'], line?.['reason']], ['unavailable', 'fault_closed'])
    })

    // This host's glass can be broken whatever the store is like.
    site.editFile('device_gate.yaml', (text) => `enforcement: off\n${text}`)
    await eventually(() => reads('broken-phone'))
    site.editFile('device_gate.yaml', (text) => text.replace('enforcement: off\n', ''))
    await eventually(async () => assert.equal((await sync('broken-phone')).refusal?.code, 'UNAVAILABLE'))

    await site.run('device', 'put', deviceLine({ id: 'broken-phone' }))
    await eventually(() => reads('broken-phone'))
  })

  it('one record is damaged, fail_mode: open: that device passes, and the log says so', async () => {
    await damage('broken-phone')
    site.editFile('device_gate.yaml', (text) => text.replace('imap:', 'fail_mode: open\nimap:'))
    await site.start()
    await reads('broken-phone')
    assert.equal((await sync('bad-phone')).refusal?.code, 'CONTACTADMIN')
    await eventually(() => {
      const line = site.blockLog().find(({ device }) => device === 'broken-phone')
      assert.deepEqual([line?.['outcome'], line?.['reason']], ['allow', 'fault_open'])
    })
  })

  it('state_dir is deleted under the gate: blocks stay, and log and commands say what to do', async () => {
    await site.start()
    await reads('good-phone')
    fs.rmSync(path.join(site.dir, 'var'), { recursive: true })
    await site.haraka.until(/replica was deleted or replaced under the running gate/)
    await reads('good-phone')
    assert.equal((await sync('bad-phone')).refusal?.code, 'CONTACTADMIN')
    // The command line makes a new, empty replica: an order must not seem to be taken back there.
    const answer = await site.run('mode', 'off', '--reason', 'sent in error')
    assert.match(answer, /DAMAGED: .*commands do not reach it until Haraka is restarted/)
    await site.run('mode', 'policy', '--reason', 'it did not reach the gate')

    await site.stop()
    await site.run('device', 'put', deviceLine({ id: 'bad-phone', state: 'noncompliant' }))
    await site.start()
    assert.equal((await sync('bad-phone')).refusal?.code, 'CONTACTADMIN')
    assert.doesNotMatch(await site.run('status'), /DAMAGED/)
  })
})
