import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'

import { Command } from 'commander'

import { commandPaths } from '../../src/cli/command-paths'
import { cliSites } from './site'

describe('device-gate completion', () => {
  const site = cliSites()

  /** What bash offers for the last of these words. */
  async function offered(...line: string[]): Promise<string[]> {
    const script = `${await site().out('completion', 'bash')}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _device_gate; printf '%s\n' "\${COMPREPLY[@]}"`
    const output = execFileSync('bash', ['-uc', script, 'bash', 'device-gate', ...line], {
      encoding: 'utf8',
      cwd: site().dir,
    })
    return output.split('\n').filter((word) => word !== '')
  }

  const cases: readonly (readonly [line: readonly string[], offered: readonly string[]])[] = [
    [['sta'], ['status']],
    [['device', 'l'], ['list']],
    [['device', 'list', '--pl'], ['--platform']],
    [['device', 'list', '--platform', 'i'], ['ios']],
    [['mode', 'm'], ['monitor']],
    [
      ['blocks', '--outcome', ''],
      ['allow', 'warn', 'block', 'unavailable'],
    ],
    [['blocks', '--outcome', 'warn', '--form'], ['--format']],
    [['-c', 'device', 'sta'], ['status']],
    [['--json', 'exempt', 'add', '--us'], ['--user']],
    [['exempt', 'add', '--user', 'list', '--re'], ['--reason']],
    [['exempt', 'add', '--reason', ''], []],
    [['-c', 'con'], ['config']],
    [['policy', 'check', 'dra'], ['draft.yaml']],
    [['policy', 'what-if', 'draft.yaml', '--list', 'dra'], ['draft.yaml']],
    [['policy', 'check', 'a draft'], ['a draft.yaml']],
    // As bash splits what is typed.
    [['device', 'list', '--platform', '=', 'i'], ['ios']],
    [['device', 'list', '--platform', '=', 'ios', '--st'], ['--state']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish', '-c', '--config', '--json', '--no-color', '--help'],
    ],
  ]
  for (const [line, words] of cases)
    it(`in bash: ${line.map((word) => word || "''").join(' ')}`, async () => {
      for (const name of ['draft.yaml', 'a draft.yaml']) site().write(name, '')
      assert.deepEqual(await offered(...line), words)
    })

  it('needs no site, and is made for zsh and fish too', async () => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      const { code, out } = await site().runWith([], '-c', '/nowhere', 'completion', shell)
      assert.equal(code, 0)
      assert.match(out, /device list/)
      assert.match(out, /noncompliant/)
    }
  })

  it('is about words that no shell takes for anything else', async () => {
    const program = new Command('x')
    program.command('a').description("it's").option('--of <file>', 'from a file')
    const [, a] = commandPaths(program)
    assert.deepEqual(
      a?.options.map(({ flags, takesValue, names }) => [flags, takesValue, names]),
      [
        [['--of'], true, 'file'],
        [['--help'], false, null],
      ],
    )
    const { out } = await site().run('completion', 'fish')
    for (const [, word = ''] of out.matchAll(/ -a ([^\s']+)/g)) assert.match(word, /^[a-z0-9-]+$/)
  })
})
