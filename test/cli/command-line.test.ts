import assert from 'node:assert/strict'
import fs from 'node:fs'

import { Command } from 'commander'

import { addCommands } from '../../src/cli/program'
import { cliSites, record } from './site'

describe('a command line', () => {
  const site = cliSites()

  describe('that is wrong ends with 2, and says what was meant', () => {
    const wrong: readonly (readonly [argv: readonly string[], told: RegExp])[] = [
      [['statsu'], /^device-gate: unknown command 'statsu'\n\(Did you mean status\?\)\n$/],
      [['device', 'lst'], /unknown command 'lst'\n\(Did you mean list\?\)/],
      [['status', '--jsno'], /unknown option '--jsno'\n\(Did you mean --json\?\)/],
      [['mode', 'enforc', '--reason', 'x'], /off, monitor, enforce, policy\.\n\(Did you mean enforce\?\)\n$/],
      [['blocks', '--reason', 'noncomplaint'], /fault_open\.\n\(Did you mean noncompliant\?\)\n$/],
      [['device', 'list', '--platform', 'toaster'], /chromeos, other\.\n$/],
      [['status', 'now'], /too many arguments/],
      [['device', 'get'], /missing required argument 'id'/],
      [
        ['device', 'list', '--platform', 'iso'],
        /option '--platform <platform>' argument 'iso' is invalid\. Allowed choices are ios, android/,
      ],
      [
        ['device', 'list', '--state', 'bad'],
        /'bad' is invalid\. Allowed choices are compliant, noncompliant, grace, unknown\./,
      ],
      [['device', 'list', '--limit', '0'], /--limit takes a count from 1/],
      [['device', 'get', ''], /a device id is text of 1 to 256 characters/],
      [['device', 'get', 'x'.repeat(257)], /a device id is text of 1 to 256 characters/],
      [['device', 'import', 'x', '--format', 'xml'], /'xml' is invalid\. Allowed choices are ndjson, csv/],
      [
        ['device', 'import', '-', '--strict'],
        /--strict reads all of it twice, which a pipe cannot give: put it into a file first/,
      ],
      [
        ['mode', 'on'],
        /'on' is invalid for argument 'mode'\. Allowed choices are off, monitor, enforce, policy\./,
      ],
      [['mode', 'off'], /say why: add --reason "\.\.\."/],
      [['mode', 'off', '--reason', '  '], /say why: add --reason/],
      [['mode', 'off', '--reason', 'x'.repeat(501)], /the reason is longer than 500 characters/],
      [['mode', 'off', '--reason'], /option '--reason <text>' argument missing/],
      [['blocks', '--limit', '100001'], /--limit takes 1 to 100000/],
      [['blocks', '--since', 'yesterday'], /--since "yesterday" is no duration: write 90s, 30m, 4h or 7d/],
      [['exempt', 'add', '--reason', 'x', '--for', '1h'], /name one of --device ID or --user ADDRESS/],
      [
        ['exempt', 'add', '--device', 'd', '--user', 'u', '--for', '1h', '--reason', 'x'],
        /name one of --device ID or --user ADDRESS/,
      ],
      [
        ['exempt', 'add', '--device', 'd', '--reason', 'x'],
        /an exemption ends: add --for 7d or --until TIME/,
      ],
      [['exempt', 'add', '--device', 'd', '--for', '1w', '--reason', 'x'], /--for "1w" is no duration/],
      [['exempt', 'add', '--device', 'd', '--for', '0h', '--reason', 'x'], /--for "0h" is no duration/],
      [
        ['exempt', 'add', '--device', 'd', '--for', '367d', '--reason', 'x'],
        /--for "367d" is no duration.*at most 366d/,
      ],
      [
        ['exempt', 'add', '--device', 'd', '--until', '2099-01-01T00:00:00', '--reason', 'x'],
        /--until "2099-01-01T00:00:00" is no time with a zone/,
      ],
      [
        ['exempt', 'add', '--device', 'd', '--until', '2099-06-31T00:00:00Z', '--reason', 'x'],
        /is no time with a zone/,
      ],
      [
        ['exempt', 'add', '--device', 'd', '--for', '1h', '--until', '2099-01-01T00:00:00Z', '--reason', 'x'],
        /--for and --until: give one of them/,
      ],
      [['exempt', 'add', '--device', 'd', '--for', '1h'], /say why: add --reason/],
      [
        ['exempt', 'add', '--user', 'x'.repeat(321), '--for', '1h', '--reason', 'x'],
        /a user name is text of 1 to 320 characters/,
      ],
      [['policy', 'show', 'first'], /"first" is no policy version/],
      [['policy', 'show', '-1'], /"-1" is no policy version/],
    ]
    for (const [argv, told] of wrong) {
      it(argv.map((word) => (word.length > 40 ? `${word.slice(0, 8)}...` : word)).join(' '), async () => {
        const { code, out, err } = await site().run(...argv)
        assert.match(err, told)
        assert.equal(out, '')
        assert.equal(code, 2)
      })
    }
    for (const argv of [[], ['device'], ['policy'], ['exempt'], ['lock'], ['tag']])
      it(`${['device-gate', ...argv].join(' ')} alone: its help, on stderr`, async () => {
        const { code, out, err } = await site().run(...argv)
        assert.match(err, /^Usage: device-gate/)
        assert.equal(out, '')
        assert.equal(code, 2)
      })
    it('a directory that is none of Haraka’s, where it must not make a new, empty site', async () => {
      const dir = site().file('nowhere')
      const { code, err } = await site().runWith([], '-c', dir, 'status')
      assert.equal(
        err,
        `device-gate: ${dir} is no Haraka directory: there is no config/ in it; name the directory with -c\n`,
      )
      assert.equal(code, 2)
      assert.ok(!fs.existsSync(dir))
    })
  })

  it('that asks for help or the version ends with 0, and has it on stdout', async () => {
    for (const argv of [
      ['--help'],
      ['help'],
      ['help', 'device'],
      ['device', '--help'],
      ['device', 'import', '--help'],
    ]) {
      const { code, out, err } = await site().run(...argv)
      assert.match(out, /^Usage: device-gate/)
      assert.deepEqual({ code, err }, { code: 0, err: '' })
    }
    const { out } = await site().run('--version')
    assert.match(out, /^\d+\.\d+\.\d+\n$/)
  })

  describe('of which each command has an example in its help', () => {
    const leaves = (command: Command, path: readonly string[] = []): string[][] =>
      command.commands.length === 0
        ? [[...path]]
        : command.commands.flatMap((one) => (one.name() === 'help' ? [] : leaves(one, [...path, one.name()])))

    it('that the command line takes', async () => {
      const program = addCommands(new Command('device-gate'), () => assert.fail(), { raw: () => undefined })
      for (const path of leaves(program)) {
        const { out } = await site().run(...path, '--help')
        const examples = /\nExamples?:\n([^]*)$/.exec(out)?.[1]?.trimEnd().split('\n') ?? []
        assert.notEqual(examples.length, 0, path.join(' '))
        const command = path.reduce<Command | undefined>(
          (at, name) => at?.commands.find((one) => one.name() === name),
          program,
        )
        const known = command?.options.flatMap(({ long, short }) => [long, short]) ?? []
        for (const example of examples.filter((line) => !line.includes('source <('))) {
          assert.match(example, new RegExp(`^  device-gate (-c \\S+ )?${path.join(' ')}( |$)`))
          for (const [option] of example.matchAll(/(?<= )--[a-z-]+/g))
            assert.ok(known.includes(option), `${example}: ${option}`)
        }
      }
    })
  })

  describe('about a device that nobody reported', () => {
    beforeEach(async () => {
      await site().applyPolicy('mode: enforce')
      await site().out('device', 'put', record({ id: 'd-21' }))
    })
    for (const argv of [['device', 'get'], ['device', 'forget'], ['why']])
      it(`${argv.join(' ')}: tells the one that is nearly called so`, async () => {
        const { code, err } = await site().run(...argv, 'd-12')
        assert.equal(code, 1)
        assert.match(err, /d-12 .*\(did you mean d-21\?\)|as d-12 \(did you mean d-21\?\)/)
      })
    it('tells none where none is near', async () => {
      const { err } = await site().run('device', 'get', 'anything-else')
      assert.equal(err, 'device-gate: no device anything-else was ever reported\n')
    })
  })

  describe('takes -c and --json before the command and behind it', () => {
    for (const argv of [
      ['-c', 'DIR', '--json', 'exempt', 'list'],
      ['--json', '-c', 'DIR', 'exempt', 'list'],
      ['exempt', '-c', 'DIR', 'list', '--json'],
      ['exempt', 'list', '--json', '--config', 'DIR'],
      ['exempt', '--json', 'list', '--config=DIR'],
    ])
      it(argv.join(' '), async () => {
        const { out } = await site().runWith([], ...argv.map((word) => word.replace('DIR', site().dir)))
        assert.equal(out, '[]\n')
      })
    it('the one nearer to the command counts', async () => {
      const { out } = await site().runWith([], '-c', '/nowhere', 'exempt', 'list', '--json', '-c', site().dir)
      assert.equal(out, '[]\n')
    })
  })

  describe('takes any value, with a dash in front too', () => {
    for (const reason of ['-critical outage', '--json', '-c', '--', '-', '--reason', 'it\'s "quoted"'])
      it(`--reason ${JSON.stringify(reason)}`, async () => {
        const { code, err, out } = await site().run(
          'lock',
          'add',
          '--device',
          'd',
          '--json',
          '--reason',
          reason,
        )
        assert.deepEqual(
          { code, reason: (JSON.parse(out) as { reason: string }).reason },
          { code: 0, reason },
          err,
        )
      })
    it('as an argument behind --', async () => {
      await site().out('device', 'put', record({ id: '--help' }))
      assert.match(await site().out('device', 'get', '--', '--help'), /^id: +--help$/m)
      assert.match(await site().out('lock', 'add', '--device', '--help', '--reason', 'x'), /device --help/)
    })
  })

  it('that refuses ends with 1 and says why on stderr, with nothing on stdout', async () => {
    const { code, out, err } = await site().run('device', 'get', 'nobody')
    assert.deepEqual(
      { code, out, err },
      { code: 1, out: '', err: 'device-gate: no device nobody was ever reported\n' },
    )
  })

  it('keeps who did it: the person behind sudo', async () => {
    const before = process.env['SUDO_USER']
    process.env['SUDO_USER'] = 'olga\u001b[31m'
    try {
      const { author } = (await site().json('lock', 'add', '--device', 'd', '--reason', 'x')) as {
        author: string
      }
      assert.equal(author, 'olga\ufffd[31m')
    } finally {
      if (before === undefined) delete process.env['SUDO_USER']
      else process.env['SUDO_USER'] = before
    }
  })
})
