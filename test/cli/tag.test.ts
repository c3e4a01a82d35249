import assert from 'node:assert/strict'
import fs from 'node:fs'

import { bucketOf, type Visit } from '../../src/journal/traffic'
import { ANNA, cliSites, record } from './site'

const KEY_FILE = ['config', 'device_gate_tag.key'] as const

describe('device-gate tag', () => {
  const site = cliSites()
  const rotate = async (): Promise<string> =>
    ((await site().json('tag', 'rotate')) as { signing: string }).signing

  describe('issue', () => {
    it('without a key: refused, with what to do', async () => {
      const { code, err } = await site().run('tag', 'issue', ANNA, 'anna-phone')
      assert.deepEqual(
        { code, err },
        { code: 1, err: 'device-gate: there is no key yet: make one with device-gate tag rotate\n' },
      )
    })
    it('prints the user name and nothing else, so that it can be used as it is', async () => {
      const key = await rotate()
      await site().out('device', 'put', record())
      const { out, err } = await site().run('tag', 'issue', ANNA, 'anna-phone')
      assert.match(out, new RegExp(`^anna@example\\.com#anna-phone\\.${key}[A-Za-z0-9_-]{22}\\n$`))
      assert.equal(err, '')
      assert.deepEqual(await site().json('tag', 'issue', ANNA, 'anna-phone'), {
        user: ANNA,
        device: 'anna-phone',
        name: out.trimEnd(),
      })
    })
    it('for a device nobody reported yet: a note, since it may be a typing error', async () => {
      await rotate()
      const { code, out, err } = await site().run('tag', 'issue', ANNA, 'anna-phon')
      assert.equal(
        err,
        `note: device anna-phon was never reported: until it is, the policy's "unknown" decides\n`,
      )
      assert.match(out, /^anna@example\.com#anna-phon\./)
      assert.equal(code, 0)
    })
    it('for somebody else’s device: a note', async () => {
      await rotate()
      await site().out('device', 'put', record())
      const { code, err } = await site().run('tag', 'issue', 'ben@example.com', 'anna-phone')
      assert.deepEqual(
        { code, err },
        { code: 0, err: 'note: ben@example.com is not among the owners of anna-phone (anna@example.com)\n' },
      )
      assert.equal((await site().run('tag', 'issue', 'ANNA@example.com', 'anna-phone')).err, '')
    })
    it('takes a user name with the separator in it, and a device id of any letters', async () => {
      await rotate()
      for (const [user, device] of [
        ['anna#work@example.com', 'd-1'],
        [ANNA, 'Анна’s phone 📱'],
      ] as const) {
        const { name } = (await site().json('tag', 'issue', user, device)) as { name: string }
        assert.deepEqual(await site().json('tag', 'verify', name), { valid: true, user, device })
      }
    })
    it('goes by the separator of the site', async () => {
      site().write('config/device_gate.yaml', 'identity: { tag: { separator: "+" } }\n')
      await rotate()
      assert.match(await site().out('tag', 'issue', ANNA, 'd-1'), /^anna@example\.com\+d-1\./)
    })
    it('to a name that has a tag already: refused', async () => {
      await rotate()
      const name = (await site().out('tag', 'issue', ANNA, 'd-1')).trimEnd()
      const { code, err } = await site().run('tag', 'issue', name, 'd-2')
      assert.match(err, /carries a tag already: give the bare user name\n$/)
      assert.equal(code, 1)
    })
    for (const [title, user, device] of [
      ['no user', '', 'd-1'],
      ['no device', ANNA, ''],
      ['a device id longer than any', ANNA, 'x'.repeat(257)],
      ['a device id that would make the name too long', ANNA, '📱'.repeat(128)],
      ['a user name with a line break', 'anna\nben', 'd-1'],
    ] as const)
      it(`${title}: refused, no tag is printed that would not verify`, async () => {
        await rotate()
        const { code, out } = await site().run('tag', 'issue', user, device)
        assert.deepEqual({ code: code > 0, out }, { code: true, out: '' })
      })
  })

  describe('verify', () => {
    let name: string
    beforeEach(async () => {
      await rotate()
      name = (await site().out('tag', 'issue', ANNA, 'd-1')).trimEnd()
    })

    it('a good one: whose and which device', async () => {
      assert.equal(await site().out('tag', 'verify', name), 'valid: anna@example.com on device d-1\n')
      assert.deepEqual(await site().json('tag', 'verify', name), { valid: true, user: ANNA, device: 'd-1' })
    })
    const bad: readonly (readonly [
      title: string,
      change: (name: string) => string,
      problem: string,
      told: RegExp,
    ])[] = [
      ['a name without one', () => ANNA, 'no_tag', /this user name carries no tag/],
      [
        'another’s',
        (tag) => tag.replace('anna', 'ben'),
        'bad_mac',
        /it was not made for this user and device, or was changed/,
      ],
      [
        'another device’s',
        (tag) => tag.replace('d-1', 'd-2'),
        'bad_mac',
        /not made for this user and device/,
      ],
      [
        'one of another site',
        (tag) => tag.replace(/\.\w\w(?=[\w-]{22}$)/, '.00'),
        'unknown_key',
        /no key here has signed it: the key was removed, or it is of another site/,
      ],
      ['one escaped twice', (tag) => tag.replace('d-1', 'd%2D1'), 'malformed', /it is malformed/],
    ]
    for (const [title, change, problem, told] of bad) {
      it(`${title}: refused`, async () => {
        const { code, out, err } = await site().run('tag', 'verify', change(name), '--json')
        assert.deepEqual(JSON.parse(out), { valid: false, problem })
        assert.match(err, told)
        assert.equal(code, 1)
      })
    }
  })

  describe('remove', () => {
    const REASON = ['--reason', 'the profile leaked']
    const POLICY = 'mode: enforce\nstale: { after: 9000d }\n'
    const visit = (device: string, change: Partial<Visit> = {}): Visit => ({
      bucket: bucketOf(Date.now()),
      protocol: 'imap',
      user: ANNA,
      device,
      proof: 'tag',
      platformHint: null,
      ...change,
    })
    const ids = async (): Promise<string[]> =>
      ((await site().json('tag', 'keys')) as { id: string }[]).map(({ id }) => id)

    it('is refused with the number of devices that came by tags within a week, and passes with it', async () => {
      const key = await rotate()
      const { name } = (await site().json('tag', 'issue', ANNA, 'd-1')) as { name: string }
      await site().applyPolicy(POLICY)
      for (let i = 0; i < 4; i += 1) await site().out('device', 'put', record({ id: `d-${i}` }))
      const long = bucketOf(Date.now() - 8 * 86_400_000)
      await site().traffic(
        ...['d-1', 'd-2', 'd-3'].map((device) => visit(device)),
        visit('d-1', { protocol: 'smtp' }),
        visit('d-4', { proof: 'certificate' }),
        visit('d-5', { bucket: long }),
      )
      const { code, err } = await site().run('tag', 'remove', key, ...REASON)
      assert.match(
        err,
        /newly block 3 of 4 devices, max_new_blocks allows 1; nothing was changed.*--confirm 3\n$/,
      )
      assert.deepEqual([code, await ids()], [1, [key]])
      await site().out('tag', 'remove', key, ...REASON, '--confirm', '3')
      assert.deepEqual(await ids(), [])
      assert.match((await site().run('tag', 'verify', name)).err, /no key here has signed it/)
      const [entry] = (await site().json('policy', 'history')) as {
        kind: string
        change: string
        reason: string
      }[]
      assert.equal(entry?.kind, 'key')
      assert.equal(
        entry.change,
        `Tag key ${key} removed: its tags are void; 3 devices came by tags within seven days.`,
      )
      assert.equal(entry.reason, 'the profile leaked')
      assert.match(await site().out('audit', 'verify'), /^the history is whole/)
    })
    it('of a key that nobody came with passes, and leaves the others', async () => {
      const old = await rotate()
      const fresh = await rotate()
      await site().applyPolicy(POLICY)
      assert.equal(
        await site().out('tag', 'remove', old, ...REASON),
        `tags under key ${old} are void; 1 verify\n`,
      )
      assert.deepEqual(await ids(), [fresh])
    })
    it('needs a key that is there, and a reason', async () => {
      const key = await rotate()
      const wrong = await site().run('tag', 'remove', 'zz', ...REASON)
      assert.deepEqual(
        [wrong.code, wrong.err],
        [1, 'device-gate: there is no key zz: see device-gate tag keys\n'],
      )
      assert.equal((await site().run('tag', 'remove', key)).code, 2)
      assert.deepEqual(await ids(), [key])
    })
  })

  describe('rotate', () => {
    it('makes the first key, for the gate’s user alone', async () => {
      assert.match(await site().out('tag', 'rotate'), /^new tags are signed with key \w\w; 1 key verifies\n$/)
      assert.equal(fs.statSync(site().file(...KEY_FILE)).mode & 0o777, 0o600)
    })
    it('makes the next one; tags of the older stay valid until its line is taken out', async () => {
      const first = await rotate()
      const name = (await site().out('tag', 'issue', ANNA, 'd-1')).trimEnd()
      const second = await rotate()
      assert.match(await site().out('tag', 'issue', ANNA, 'd-1'), new RegExp(`\\.${second}`))
      assert.match(await site().out('tag', 'verify', name), /^valid/)
      const file = site().file(...KEY_FILE)
      const kept = fs
        .readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => !line.startsWith(first))
      fs.writeFileSync(file, kept.join('\n'))
      assert.equal((await site().run('tag', 'verify', name)).code, 1)
    })
    it('up to 16; then the oldest must go first', async () => {
      for (let i = 0; i < 16; i += 1) await rotate()
      const { code, err } = await site().run('tag', 'rotate')
      assert.match(err, /device_gate_tag\.key has as many keys as it may: remove its last line first/)
      assert.equal(code, 1)
      assert.equal(((await site().json('tag', 'keys')) as unknown[]).length, 16)
    })
    it('never writes back a damaged file: what is damaged may be all the site has', async () => {
      await rotate()
      const damaged = `${fs.readFileSync(site().file(...KEY_FILE), 'utf8')}cut sho`
      site().write('config/device_gate_tag.key', damaged)
      for (const argv of [['rotate'], ['keys'], ['issue', ANNA, 'd-1'], ['verify', 'x']]) {
        const { code, err } = await site().run('tag', ...argv)
        assert.match(err, /device_gate_tag\.key:4 is not of the form/)
        assert.equal(code, 1)
      }
      assert.equal(fs.readFileSync(site().file(...KEY_FILE), 'utf8'), damaged)
      assert.deepEqual(fs.readdirSync(site().file('config')), ['device_gate_tag.key'])
    })
    it('two at once: both keys are there, or one is refused', async () => {
      const codes = await Promise.all(Array.from({ length: 4 }, () => site().start('tag', 'rotate').exited))
      const made = codes.filter((code) => code === 0).length
      assert.ok(made >= 1)
      assert.equal(((await site().json('tag', 'keys')) as unknown[]).length, made)
    })
    it('one that was cut short: refused until its draft is removed', async () => {
      const draft = site().write('config/device_gate_tag.key.new', '')
      const { code, err } = await site().run('tag', 'rotate')
      assert.equal(
        err,
        `device-gate: ${draft} is there: another change is under way, or was cut short; then remove it\n`,
      )
      assert.equal(code, 1)
    })
    it('a key file behind a symbolic link stays behind it', async () => {
      fs.mkdirSync(site().file('secrets'))
      site().write('secrets/tag.key', '# none yet\n')
      fs.symlinkSync('../secrets/tag.key', site().file(...KEY_FILE))
      await rotate()
      assert.ok(fs.lstatSync(site().file(...KEY_FILE)).isSymbolicLink())
      assert.equal(((await site().json('tag', 'keys')) as unknown[]).length, 1)
    })
    if (process.getuid?.() === 0)
      it('by root leaves the file to the user that Haraka runs as', async () => {
        await rotate()
        fs.chownSync(site().file(...KEY_FILE), 65_534, 65_534)
        await rotate()
        const { uid, gid, mode } = fs.statSync(site().file(...KEY_FILE))
        assert.deepEqual({ uid, gid, mode: mode & 0o777 }, { uid: 65_534, gid: 65_534, mode: 0o600 })
      })
  })

  describe('keys', () => {
    it('lists ids and times, never the keys', async () => {
      const first = await rotate()
      const second = await rotate()
      const keys = (await site().json('tag', 'keys')) as { id: string; created_at: string; signs: boolean }[]
      assert.deepEqual(
        keys.map(({ id, signs }) => [id, signs]),
        [
          [second, true],
          [first, false],
        ],
      )
      assert.match(keys[0]?.created_at ?? '', /^\d{4}-\d\d-\d\dT/)
      const text = await site().out('tag', 'keys')
      assert.match(
        text,
        new RegExp(`^id +created +use\\n${second} +\\S+Z +signs\\n${first} +\\S+Z +verifies\\n$`),
      )
      for (const line of fs
        .readFileSync(site().file(...KEY_FILE), 'utf8')
        .split('\n')
        .slice(2, 4))
        assert.ok(!text.includes(line.split(' ')[1] ?? ''))
    })
    it('of a site without any', async () => {
      assert.match(await site().out('tag', 'keys'), /^there is no key yet/)
      assert.deepEqual(await site().json('tag', 'keys'), [])
    })
  })
})
