import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'

import { WatchedProcess } from '../support/process'
import { tempDirs } from '../support/temp-dir'

const CLI = path.resolve(__dirname, '../../dist/cli/main.js')
const DOC = fs.readFileSync(path.resolve(__dirname, '../../docs/cli.md'), 'utf8')

interface Shell {
  readonly start: readonly string[]
  /** Typed before and behind the line of the document that sets the completion up. */
  readonly before: string
  readonly behind: string
}

/** Each as it starts for a person without a configuration. */
const SHELLS: Readonly<Record<string, Shell>> = {
  bash: { start: ['bash', '--norc', '--noprofile', '-i'], before: '', behind: '' },
  zsh: {
    start: ['zsh', '-f', '-i'],
    before: 'fpath=(~/zsh $fpath); mkdir ~/zsh',
    behind: 'autoload -Uz compinit && compinit -u',
  },
  fish: {
    start: ['fish', '-i'],
    before: 'mkdir -p ~/.config/fish/completions',
    behind: '',
  },
}

/** What is typed, with a TAB where "→" stands, and the words that the command is given. */
const TYPED: readonly (readonly [line: string, words: readonly string[]])[] = [
  ['sta→', ['status']],
  ['device li→--pl→i→', ['device', 'list', '--platform', 'ios']],
  ['device list --platform=i→', ['device', 'list', '--platform=ios']],
  ['-c con→ mode mon→', ['-c', 'config', 'mode', 'monitor']],
  ['policy che→con→pol→', ['policy', 'check', 'config/policy.yaml']],
  ['policy what-if --list dr→', ['policy', 'what-if', '--list', 'draft of today.yaml']],
  ['exempt add --user ma→ --rea→me', ['exempt', 'add', '--user', 'ma', '--reason', 'me']],
]

describe('device-gate completion, typed on a terminal', () => {
  let terminal: WatchedProcess | undefined

  afterEach(async () => {
    terminal?.child.stdin?.end('exit\n')
    await terminal?.stop('SIGTERM')
    terminal = undefined
  })
  // Behind the end of the shell, which writes there.
  const tempDir = tempDirs()

  for (const [shell, { start, before, behind }] of Object.entries(SHELLS))
    it(`in ${shell}, set up as docs/cli.md says`, async () => {
      const home = tempDir()
      fs.mkdirSync(path.join(home, 'config'))
      // Where it is missing, fish reads all manual pages in the background.
      fs.mkdirSync(path.join(home, '.local/share/fish/generated_completions'), { recursive: true })
      fs.writeFileSync(path.join(home, 'config', 'policy.yaml'), '')
      fs.writeFileSync(path.join(home, 'draft of today.yaml'), '')
      // Says which words it was given; nothing that is typed has these marks.
      fs.writeFileSync(
        path.join(home, 'device-gate'),
        `#!/bin/sh\n[ "$1" = completion ] && exec '${process.execPath}' '${CLI}' "$@"\nprintf '<%s>' "$@" .\n`,
        { mode: 0o755 },
      )
      const setUp = new RegExp(
        `^ {4}([^\\n#]*device-gate completion ${shell}\\b(?! *\\|)[^\\n#]*)`,
        'm',
      ).exec(DOC)?.[1]
      assert.ok(setUp)

      const screen = (terminal = new WatchedProcess('script', ['-qfec', start.join(' '), '/dev/null'], {
        stdio: ['pipe', 'pipe', 'pipe'],
        cwd: home,
        env: { PATH: `${home}:${process.env['PATH'] ?? ''}`, HOME: home, TERM: 'dumb', LC_ALL: 'C.UTF-8' },
      }))
      const type = (text: string): void => void screen.child.stdin?.write(text)
      for (const line of [before, setUp.trim(), behind, 'device-gate ready']) type(`${line}\n`)
      await screen.until(/<ready><\.>/)
      for (const [turn, [line, words]] of TYPED.entries()) {
        const seen = screen.output.length
        type(`device-gate ${line.replaceAll('→', '\t')}\n`)
        await screen.until(/<\.>/, turn + 2)
        const given = /<(.*)><\.>/
          .exec(screen.output.slice(seen))?.[1]
          ?.split('><')
          // zsh takes the slash away again where nothing follows it.
          .map((word) => word.replace(/\/$/, ''))
        assert.deepEqual(given, words, line)
      }
    })
})
