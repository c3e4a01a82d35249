import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'

import { ANNA, blockEntry, cliSites, record } from './site'

const POLICY =
  'mode: enforce\nmandates: [{ id: m, finding: "app:y", platforms: [ios], deadline: 2020-01-01T00:00:00Z, message: x }]\n'

/** One answer of each command that docs/cli.md has a line for, in an order in which all of them succeed. */
const COMMANDS: readonly (readonly [command: string, ...rest: string[]])[] = [
  ['device get', 'anna-phone'],
  ['device put', record({ id: 'd-2' })],
  ['device list'],
  ['device forget', 'd-2'],
  ['why', ANNA],
  ['blocks'],
  ['blocked'],
  ['exempt add', '--user', ANNA, '--for', '1h', '--reason', 'x'],
  ['exempt list'],
  ['exempt remove', '--user', ANNA],
  ['attest link', '--user', ANNA, '--device', 'own', '--mandate', 'm', '--platform', 'ios', '--reason', 'x'],
  ['attest list'],
  ['lock add', '--device', 'anna-phone', '--reason', 'x'],
  ['lock list'],
  ['lock remove', '--device', 'anna-phone'],
  ['policy show'],
  ['policy history'],
  ['audit verify'],
  ['mode'],
  ['status'],
  ['recall', '--reason', 'x'],
  ['certificate add', 'anna-phone', '--issuer', 'CN=CA', '--serial', '1', '--reason', 'x'],
  ['certificate list'],
  ['certificate remove', '--device', 'anna-phone', '--reason', 'x'],
  ['token issue', 'anna', '--role', 'viewer'],
  ['token list'],
  ['token revoke', 'anna'],
  ['device import', 'devices.ndjson'],
  ['policy check', 'policy.yaml'],
  ['policy test', 'policy.yaml'],
  ['policy diff', 'policy.yaml'],
  ['policy what-if', 'policy.yaml'],
  ['tag rotate'],
  ['tag keys'],
  ['tag issue', ANNA, 'anna-phone'],
  ['tag export', 'tags.csv'],
  ['feed add', 'files', '--kind', 'file', '--set', 'path=devices.ndjson', '--reason', 'x'],
  ['feed test', 'files'],
  ['feed sync', 'files'],
  ['feed list'],
  ['feed hold', 'files', '--reason', 'x'],
  ['feed release', 'files', '--confirm', '0', '--reason', 'x'],
  ['feed remove', 'files', '--reason', 'x'],
  ['journal pseudonym', '--user', ANNA],
  ['journal erase', '--user', ANNA, '--reason', 'x'],
]
/** Of those that read or write a file, which lies in the site's directory. */
const FILES = ['devices.ndjson', 'policy.yaml', 'tags.csv']

describe('the keys of --json', () => {
  const site = cliSites()

  /** Keys by command, as the table in docs/cli.md says. */
  const documented = (): Map<string, string> => {
    const document = fs.readFileSync(path.resolve(__dirname, '../../docs/cli.md'), 'utf8')
    const table = /^\| Command \| Keys \|\n.*\n((?:\|.*\n)*)/m.exec(document)?.[1] ?? ''
    return new Map(
      [...table.matchAll(/^\| `([^`]+)` \| (.*) \|$/gm)].map(([, command = '', keys = '']) => [
        command,
        keys.replaceAll('`', ''),
      ]),
    )
  }

  it('are those that docs/cli.md has', async () => {
    site().write('config/device_gate.yaml', 'attestation: { url: "https://gate.example.com" }\n')
    await site().out('tag', 'rotate')
    await site().applyPolicy('mode: monitor\n')
    await site().applyPolicy(POLICY)
    await site().out('device', 'put', record({ evidence_at: new Date().toISOString() }))
    await site().journal(blockEntry())
    site().write('devices.ndjson', `${record({ id: 'd-3', source: 'files' })}\n`)
    site().write('policy.yaml', POLICY)
    const inSite = (text: string): string =>
      FILES.reduce((all, name) => all.replace(name, site().file(name)), text)
    const found = new Map<string, string>()
    for (const [command, ...rest] of COMMANDS) {
      const out = await site().out(...command.split(' '), ...rest.map(inSite), '--json')
      const [first = ''] = out.split('\n')
      const value: unknown = JSON.parse(first)
      const one: unknown = Array.isArray(value) ? value[0] : value
      found.set(command, Object.keys(one as object).join(', '))
    }
    assert.deepEqual(Object.fromEntries(documented()), Object.fromEntries(found))
  })
})
