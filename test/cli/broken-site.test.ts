import assert from 'node:assert/strict'

import { openEnvironment } from '../../src/lmdb/environment'
import { watchHostConfig } from '../../src/config/host-config-source'
import { ANNA, blockEntry, cliSites, record, type CliSite } from './site'

/** Writes past the store's own care, as a disk fault or a foreign program does. */
async function damage(
  site: CliSite,
  database: string,
  key: string | number | string[],
  text: string,
): Promise<void> {
  const environment = openEnvironment(site.file('var', 'replica'), { schema: 1 })
  try {
    await environment.write(() => void environment.database(database).put(key, text))
  } finally {
    await environment.close()
  }
}

/** Each command that could fail, with what it is given. */
const EVERYTHING: readonly (readonly string[])[] = [
  ['status'],
  ['mode'],
  ['mode', 'off', '--reason', 'x'],
  ['device', 'get', 'ben-phone'],
  ['device', 'put', record({ id: 'new' })],
  ['device', 'list'],
  ['device', 'list', '--owner', ANNA],
  ['device', 'forget', 'ben-phone'],
  ['blocks'],
  ['exempt', 'add', '--user', ANNA, '--for', '1h', '--reason', 'x'],
  ['exempt', 'list'],
  ['exempt', 'remove', '--user', ANNA],
  ['lock', 'add', '--device', 'ben-phone', '--reason', 'x'],
  ['lock', 'list'],
  ['lock', 'remove', '--device', 'ben-phone'],
  ['policy', 'history'],
  ['tag', 'rotate'],
  ['tag', 'keys'],
  ['tag', 'issue', ANNA, 'anna-phone'],
]
const DECIDING: readonly (readonly string[])[] = [['why', ANNA], ['why', 'ben-phone'], ['blocked']]

describe('a command line on a site where something is broken', () => {
  const site = cliSites()

  beforeEach(async () => {
    await site().applyPolicy('mode: enforce')
    await site().out('device', 'put', record())
    await site().out('device', 'put', record({ id: 'ben-phone', owners: ['ben@example.com'] }))
    site().write('config/device_gate_policy.yaml', 'mode: enforce')
  })

  async function allWork(commands: readonly (readonly string[])[]): Promise<void> {
    for (const argv of commands) {
      const { code, err } = await site().run(...argv)
      assert.equal(code, 0, `${argv.join(' ')}: ${err}`)
    }
  }

  it('nothing: all work', () => allWork([...DECIDING, ...EVERYTHING]))

  describe('a device record that cannot be read', () => {
    beforeEach(() => damage(site(), 'devices', 'anna-phone', '{"id":"anna-phone"'))

    it('does not keep the rest from working', () => allWork([...DECIDING, ...EVERYTHING]))
    it('is told, with how to mend it', async () => {
      const { code, err } = await site().run('device', 'get', 'anna-phone')
      assert.match(err, /^device-gate: devices\/anna-phone: .*; write it again \(device-gate device put/)
      assert.equal(code, 1)
    })
    it('is a note in a list of the others', async () => {
      const { out, err } = await site().run('device', 'list', '--json')
      assert.deepEqual(
        out
          .split('\n')
          .filter(Boolean)
          .map((line) => (JSON.parse(line) as { id: string }).id),
        ['ben-phone'],
      )
      assert.match(err, /^note: devices\/anna-phone: /)
    })
    it('is what a worker would make of it: unavailable, as fail_mode says', async () => {
      const { out, err } = await site().run('why', ANNA, '--json')
      const { cases } = JSON.parse(out) as { cases: { outcome: string; reason: string }[] }
      assert.deepEqual(
        cases.map(({ outcome, reason }) => [outcome, reason]),
        [['unavailable', 'fault_closed']],
      )
      assert.match(err, /^note: devices\/anna-phone: /)
    })
    it('is mended by writing it again', async () => {
      await site().out('device', 'put', record())
      assert.match(await site().out('device', 'get', 'anna-phone'), /noncompliant/)
    })
  })

  describe('the policy in force cannot be read', () => {
    beforeEach(() => damage(site(), 'policies', 1, '{'))

    it('does not keep the rest from working', () => allWork(EVERYTHING))
    it('is told by status and mode, which still show the rest', async () => {
      for (const command of ['status', 'mode']) {
        const text = await site().out(command)
        assert.match(text, /^DAMAGED: +policies\/1: .*save the policy file with a change/m)
        assert.match(text, /^mode in force here: +as fail_mode says$/m)
      }
    })
    it('an order is taken back all the same, and the answer says so', async () => {
      const { code, out } = await site().run('mode', 'off', '--reason', 'sent in error', '--json')
      assert.equal(code, 0)
      assert.equal((JSON.parse(out) as { mode_override: { mode: string } }).mode_override.mode, 'off')
    })
    it('what needs it is refused, with the place', async () => {
      for (const argv of [['why', 'ben-phone'], ['blocked'], ['policy', 'show']]) {
        const { code, err } = await site().run(...argv)
        assert.match(err, /^device-gate: policies\/1: /)
        assert.equal(code, 1)
      }
    })
  })

  describe('an override that cannot be read', () => {
    beforeEach(() => damage(site(), 'overrides', ['device', 'anna-phone', 'lock'], '{'))

    it('does not keep the rest from working', () => allWork([...DECIDING, ...EVERYTHING]))
    it('is a note in the list', async () => {
      const { out, err } = await site().run('lock', 'list')
      assert.equal(out, 'no locks\n')
      assert.match(err, /^note: overrides\/.*anna-phone.*: add or remove it again|^note: overrides\//)
    })
    it('is removed like any other', async () => {
      assert.equal((await site().run('lock', 'remove', '--device', 'anna-phone')).code, 0)
      assert.equal((await site().run('lock', 'list')).err, '')
    })
  })

  describe('device_gate.yaml', () => {
    /** As Haraka's master does at its start, before somebody broke the file. */
    function ranOnce(text: string): void {
      site().write('config/device_gate.yaml', text)
      const fail = (error: unknown): void => assert.fail(String(error))
      watchHostConfig(site().dir, 'control', { onChange: fail, onProblems: fail, onFault: fail }).close()
      delete process.env['DEVICE_GATE_IN_FORCE']
    }

    it('broken after the gate ran: all work, by the config in force', async () => {
      ranOnce('enforcement: policy\n')
      site().write('config/device_gate.yaml', 'enforcement: on\n')
      await allWork([...DECIDING, ...EVERYTHING])
    })
    it('broken, with state_dir elsewhere: an order is taken back there, not in ./var', async () => {
      ranOnce('state_dir: ./elsewhere\n')
      site().write('config/device_gate.yaml', 'state_dir: ./elsewhere\nimap: [\n')
      await site().out('mode', 'off', '--reason', 'sent in error')
      const { mode_override, state_dir, config_problems } = (await site().json('status')) as Record<
        string,
        unknown
      >
      assert.equal((mode_override as { mode: string }).mode, 'off')
      assert.equal(state_dir, site().file('elsewhere'))
      assert.match(String(config_problems), /^device_gate\.yaml:3:1 imap: /)
    })
    it('broken before the gate ever ran: refused with its place', async () => {
      site().write('config/device_gate.yaml', 'enforcement: on\n')
      const { code, err } = await site().run('status')
      assert.equal(
        err,
        'device-gate: device_gate.yaml:1:1 enforcement: must be one of policy, monitor, off (found "on")\n',
      )
      assert.equal(code, 1)
    })
    it('naming a certificate that this user cannot read: all work, status tells it', async () => {
      site().write('config/device_gate.yaml', 'imap: { tls: { cert: a.pem, key: a.key } }\n')
      await allWork([...DECIDING, ...EVERYTHING])
      assert.match(
        await site().out('status'),
        /^config file: +NOT valid: device_gate\.yaml:1:16 imap\.tls\.cert: \S+a\.pem does not exist/m,
      )
    })
  })

  it('a broken policy file: all work, the last good one is in force', async () => {
    site().write('config/device_gate_policy.yaml', 'mode: enforced')
    await allWork([...DECIDING, ...EVERYTHING])
  })
  it('a block log entry that cannot be read: the others are shown', async () => {
    await site().journal(blockEntry())
    const journal = openEnvironment(site().file('var', 'journal'), { schema: 1 })
    await journal.write(() => void journal.database('entries').put(2, '{'))
    await journal.close()
    assert.equal((await site().lines('blocks')).length, 1)
  })
})

describe('a command line on a site that never ran', () => {
  const site = cliSites()

  it('works, but for what needs a policy, which says what to do', async () => {
    await site().out('device', 'put', record())
    await site().out('device', 'put', record({ id: 'ben-phone', owners: ['ben@example.com'] }))
    for (const argv of EVERYTHING) assert.equal((await site().run(...argv)).code, 0, argv.join(' '))
    for (const argv of [['why', ANNA], ['why', 'anna-phone'], ['blocked'], ['policy', 'show']]) {
      const { code, err } = await site().run(...argv)
      assert.equal(err, 'device-gate: no policy was applied yet: start Haraka with the plugin once\n')
      assert.equal(code, 1)
    }
  })
})
