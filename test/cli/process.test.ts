import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'

import { ANNA, blockEntry, cliSites, record } from './site'

const CLI = path.resolve(__dirname, '../../dist/cli/main.js')
const NOBODY = 65_534

describe('the command line as a process, with no Haraka running', () => {
  const site = cliSites()

  async function ran(...argv: string[]): Promise<{ code: number | null; stdout: string; output: string }> {
    const process = site().start(...argv)
    const code = await process.exited
    return { code, stdout: process.stdout, output: process.output }
  }

  it('each command', async () => {
    await site().applyPolicy('mode: enforce')
    await site().journal(blockEntry())
    site().write('config/device_gate_policy.yaml', 'mode: enforce')
    const fleet = site().write('fleet.ndjson', `${record()}\n`)
    const commands: readonly (readonly [argv: readonly string[], code: number, told: RegExp])[] = [
      [['--version'], 0, /^\d+\.\d+\.\d+$/m],
      [['--help'], 0, /^Usage: device-gate/],
      [['statsu'], 2, /Did you mean status\?/],
      [['status'], 0, /^mode in force here: +enforce$/m],
      [['mode'], 0, /^mode override: +none$/m],
      [['mode', 'monitor', '--reason', 'look first'], 0, /monitor/],
      [['mode', 'policy', '--reason', 'looked'], 0, /enforce/],
      [['device', 'import', fleet], 0, /^1 applied/],
      [['device', 'get', 'anna-phone'], 0, /noncompliant/],
      [['device', 'put', record()], 0, /unchanged/],
      [['device', 'list'], 0, /anna-phone/],
      [['why', ANNA], 0, /block/],
      [['why', 'VAZFRT1J'], 0, /VAZFRT1J/],
      [['blocks'], 0, /VAZFRT1J/],
      [['blocked'], 0, /anna-phone/],
      [['exempt', 'add', '--user', ANNA, '--for', '1h', '--reason', 'x'], 0, /exemption on user/],
      [['exempt', 'list'], 0, /anna@example/],
      [['exempt', 'remove', '--user', ANNA], 0, /removed/],
      [['lock', 'add', '--device', 'anna-phone', '--reason', 'x'], 0, /lock on device/],
      [['lock', 'list'], 0, /anna-phone/],
      [['lock', 'remove', '--device', 'anna-phone'], 0, /removed/],
      [['policy', 'check'], 0, /valid/],
      [['policy', 'show'], 0, /mode: enforce/],
      [['policy', 'history'], 0, /a test/],
      [['tag', 'rotate'], 0, /1 key verifies/],
      [['tag', 'keys'], 0, /signs/],
      [['tag', 'issue', ANNA, 'anna-phone'], 0, /^anna@example\.com#anna-phone\./],
      [['tag', 'verify', ANNA], 1, /carries no tag/],
      [['device', 'forget', 'anna-phone'], 0, /forgotten/],
      [['device', 'forget', 'anna-phone'], 1, /was ever reported/],
    ]
    for (const [argv, code, told] of commands) {
      const result = await ran(...argv)
      assert.match(result.output, told, argv.join(' '))
      assert.equal(result.code, code, `${argv.join(' ')}: ${result.output}`)
    }
  })

  it('records from standard input', async () => {
    for (const [argv, told] of [
      [['device', 'put', '-'], /^device anna-phone: applied/],
      [['device', 'import', '-'], /^0 applied, 1 unchanged/],
    ] as const) {
      const child = spawn(process.execPath, [CLI, '-c', site().dir, ...argv], { stdio: 'pipe' })
      let out = ''
      child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
      child.stdin.end(`${record()}\n`)
      await once(child, 'close')
      assert.match(out, told)
    }
  })

  it('a long answer whose reader has read enough (| head): quiet', async () => {
    const lines = Array.from({ length: 20_000 }, (_, i) => record({ id: `d-${i}` }))
    await site().out('device', 'import', site().write('fleet.ndjson', lines.join('\n')))
    const child = spawn(process.execPath, [CLI, '-c', site().dir, 'device', 'list', '--json'], {
      stdio: 'pipe',
    })
    let err = ''
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
    child.stdout.once('data', () => child.stdout.destroy())
    const [code] = (await once(child, 'close')) as [number | null]
    assert.deepEqual({ code, err }, { code: 0, err: '' })
  })

  it('an answer that cannot be written: told in a line, exit code 1', async () => {
    const full = fs.openSync('/dev/full', 'w')
    const child = spawn(process.execPath, [CLI, '-c', site().dir, 'status'], {
      stdio: ['ignore', full, 'pipe'],
    })
    fs.closeSync(full)
    let err = ''
    child.stderr?.on('data', (chunk: Buffer) => (err += chunk.toString()))
    const [code] = (await once(child, 'close')) as [number | null]
    assert.equal(code, 1)
    assert.match(err, /^device-gate: the answer cannot be written: ENOSPC.*\n$/)
  })

  it('a refusal that nobody reads: its exit code all the same', async () => {
    const child = spawn(process.execPath, [CLI, '-c', site().dir, 'device', 'get', 'none'], { stdio: 'pipe' })
    child.stderr.destroy()
    const [code] = (await once(child, 'close')) as [number | null]
    assert.equal(code, 1)
  })

  it('two at once: both are done, nothing is lost', async () => {
    const ids = Array.from({ length: 6 }, (_, i) => `d-${i}`)
    const codes = await Promise.all(ids.map(async (id) => (await ran('device', 'put', record({ id }))).code))
    assert.deepEqual(
      codes,
      ids.map(() => 0),
    )
    const { devices, sequence } = (await site().json('status')) as { devices: number; sequence: number }
    assert.deepEqual({ devices, sequence }, { devices: 6, sequence: 6 })
  })

  it('by a user who may not: refused, with the place and what to do', async function () {
    await site().out('device', 'put', record())
    // Root may read everything: then the command runs as nobody, who must at least find the program's directory.
    const asNobody = process.getuid?.() === 0
    if (asNobody) fs.chmodSync(site().dir, 0o755)
    else fs.chmodSync(site().file('var'), 0)
    const child = spawn(process.execPath, [CLI, '-c', site().dir, 'status'], {
      stdio: 'pipe',
      ...(asNobody && { uid: NOBODY, gid: NOBODY }),
    })
    let err = ''
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
    const [code] = (await once(child, 'close')) as [number | null]
    if (!asNobody) fs.chmodSync(site().file('var'), 0o700)
    assert.match(err, /^device-gate: \S+\/var\/replica cannot be opened: EACCES/)
    assert.match(err, /run this as the user that Haraka runs as/)
    assert.equal(code, 1)
  })
})
