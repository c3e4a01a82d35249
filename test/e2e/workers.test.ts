import assert from 'node:assert/strict'

import { deviceLine } from '../support/device-line'
import { Dovecot } from '../support/dovecot'
import { eventually } from '../support/eventually'
import { HarakaSite } from '../support/haraka-site'
import { WorkerProbe } from '../support/worker-probe'

const USER = 'anna@example.com'
const PASSWORD = 'secret'
const PHONE = 'anna-phone'
const POLICY = 'mode: enforce\nnoncompliant: block\n'

describe('a change is live in every worker', () => {
  let dovecot: Dovecot
  let site: HarakaSite
  let probes: WorkerProbe[]

  before(async () => {
    dovecot = await Dovecot.start({ users: { [USER]: PASSWORD } })
    site = await HarakaSite.create({
      nodes: 2,
      policy: POLICY,
      upstreamPort: dovecot.port,
      users: { [USER]: PASSWORD },
    })
    await site.run('tag', 'rotate')
    await site.start()
    probes = await WorkerProbe.inEach(site, { user: await site.tag(USER, PHONE), pass: PASSWORD })
  })
  after(async () => {
    for (const probe of probes) probe.close()
    await site.remove()
    await dovecot.remove()
  })

  const put = (state: string, version: number) => (): Promise<unknown> =>
    site.run('device', 'put', deviceLine({ id: PHONE, state, version }))
  const cli =
    (...argv: string[]) =>
    (): Promise<unknown> =>
      site.run(...argv)
  const policy = (text: string) => (): void => site.writeFile('device_gate_policy.yaml', text)
  const host = (from: string, to: string) => (): void =>
    site.editFile('device_gate.yaml', (text) => text.replace(from, to))

  /**
   * In this order: each starts from what the one before it left. A command comes back when what it changed is so in
   * every worker; an edit of a file takes its moment.
   */
  const changes: readonly (readonly [what: string, make: () => unknown, reply: string])[] = [
    ['a device becomes noncompliant', put('noncompliant', 2), '550'],
    ['a device is compliant again', put('compliant', 3), '250'],
    ['a device becomes noncompliant again', put('noncompliant', 4), '550'],
    ['a device is forgotten', cli('device', 'forget', PHONE), '250'],
    ['a device is reported anew', put('noncompliant', 5), '550'],
    [
      'its person is exempted',
      cli('exempt', 'add', '--user', USER, '--for', '1h', '--reason', 'test'),
      '250',
    ],
    ['the exemption is removed', cli('exempt', 'remove', '--user', USER), '550'],
    ['the mode is switched off', cli('mode', 'off', '--reason', 'test'), '250'],
    ['the mode is enforced', cli('mode', 'enforce', '--reason', 'test'), '550'],
    ['the mode is monitor', cli('mode', 'monitor', '--reason', 'test'), '250'],
    ['the mode is the policy’s again', cli('mode', 'policy', '--reason', 'test'), '550'],
    ['the policy is edited', policy(POLICY.replace('block', 'warn')), '250'],
    ['the policy is edited back', policy(POLICY), '550'],
    ['this host’s glass is broken', host('imap:', 'enforcement: off\nimap:'), '250'],
    ['this host’s glass is mended', host('enforcement: off\n', ''), '550'],
    ['the gate is taken out of submission', host('imap:', 'smtp: { enabled: false }\nimap:'), '250'],
    ['and put in again', host('smtp: { enabled: false }\n', ''), '550'],
    ['its network is exempt', host('imap:', 'identity: { exempt_networks: [127.0.0.0/8] }\nimap:'), '250'],
    ['its network is exempt no more', host('identity: { exempt_networks: [127.0.0.0/8] }\n', ''), '550'],
  ]
  for (const [what, make, reply] of changes) {
    it(`${what}: ${reply}`, async () => {
      const isSo = async (): Promise<void> => {
        const replies = await Promise.all(probes.map((probe) => probe.mail()))
        assert.deepEqual(replies, [reply, reply])
      }
      const made = make()
      if (made instanceof Promise) {
        await made
        await isSo()
      } else await eventually(isSo)
    })
  }
})
