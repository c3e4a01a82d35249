import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'

import { eventually } from '../support/eventually'
import { untilListening } from '../support/ports'
import { isAlive, WatchedProcess } from '../support/process'

const PACKAGE_ROOT = path.resolve(__dirname, '..', '..')
/** The demo's ports are the same for everybody who reads its guide, so only one can run on a machine. */
const PORTS = [1143, 1587, 8143]
const ADMIN = 'http://127.0.0.1:8143'
/** Held while this test runs, so that two runs on one machine take turns. */
const TURN_PORT = 1586
const NOBODY = 65_534
const ROOT = process.getuid?.() === 0
/** `npm start` needs no root: the test gives it up for the demo and for what is typed beside it. */
const AS_NEWCOMER = {
  env: { ...process.env, HOME: '/nonexistent' },
  ...(ROOT && { uid: NOBODY, gid: NOBODY }),
}

const isFree = (port: number): Promise<boolean> =>
  untilListening(port, () => '', 0).then(
    () => false,
    () => true,
  )

const NEEDED = [
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'src',
  'config',
  'plugins',
  'scripts',
  'console',
]

/** What `npm start` needs, as a newcomer has it after `npm ci`. */
function cleanCopy(): string {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'device-gate-demo-'))
  for (const name of NEEDED)
    fs.cpSync(path.join(PACKAGE_ROOT, name), path.join(dir, name), { recursive: true })
  if (ROOT) execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, dir])
  const modules = fs.realpathSync(path.join(PACKAGE_ROOT, 'node_modules'))
  const target = path.join(dir, 'node_modules')
  // Linked file by file: another user may not be able to reach the place where they are.
  if (ROOT && spawnSync('cp', ['-al', modules, target]).status !== 0)
    fs.cpSync(modules, target, { recursive: true })
  if (!ROOT) fs.symlinkSync(modules, target)
  return dir
}

/** The commands of the guide, by the number of their step. */
function commandsOf(guide: string): Map<number, string[]> {
  const commands = new Map<number, string[]>()
  let step = 0
  for (const line of guide.replace(/\\\n/g, ' ').split('\n')) {
    step = Number(/^(\d+)\. /.exec(line)?.[1] ?? step)
    const command = /^ {3}(\S.*)$/.exec(line)?.[1]
    if (command !== undefined) commands.set(step, [...(commands.get(step) ?? []), command])
  }
  return commands
}

describe(`npm start${ROOT ? ', as nobody' : ''}`, function () {
  // It compiles the project, twice.
  this.timeout(180_000)
  let dir: string
  let demo: WatchedProcess
  let commands: Map<number, string[]>
  const turn = net.createServer()

  before(async function () {
    this.timeout(300_000)
    await eventually(async () => {
      if (!turn.listening) await once(turn.listen(TURN_PORT, '127.0.0.1'), 'listening')
      for (const port of PORTS)
        assert.ok(await isFree(port), `port ${port} is in use: is another demo running?`)
    }, 180_000)
    dir = cleanCopy()
    demo = new WatchedProcess('npm', ['start'], { cwd: dir, detached: true, ...AS_NEWCOMER })
    await demo.until(/--role approver\n/, 1, 100_000)
    commands = commandsOf(demo.output)
  })
  after(async () => {
    turn.close()
    if (demo.child.pid !== undefined && isAlive(demo.child.pid)) {
      process.kill(-demo.child.pid, 'SIGKILL')
      await demo.exited
    }
    fs.rmSync(dir, { recursive: true, force: true })
  })

  /** Types the commands of a step, as the guide has them, and gives what they print. */
  const step = async (number: number): Promise<string> => {
    let printed = ''
    for (const command of commands.get(number) ?? assert.fail(`there is no step ${number}`)) {
      const shell = new WatchedProcess('sh', ['-c', command], { cwd: dir, ...AS_NEWCOMER })
      await shell.exited
      printed += shell.output
    }
    return printed
  }

  it('1. lets Anna’s iPhone read its mail', async () => {
    const printed = await step(1)
    assert.match(printed, /Subject: Welcome to the demo/)
    assert.doesNotMatch(printed, /ALERT/)
  })

  it('2. warns Ben’s phone and lets it read', async () => {
    const printed = await step(2)
    assert.match(
      printed,
      /\* OK \[ALERT\] Remove the old VPN app from this phone .* \(by \d{4}-\d\d-\d\d \d\d:\d\d UTC\)/,
    )
    assert.match(printed, /Subject: Welcome to the demo/)
  })

  it('3. refuses Carol’s iPhone and says why', async () => {
    const printed = await step(3)
    assert.match(printed, /\* OK \[ALERT\] Remove TikTok from this phone/)
    assert.match(printed, /NO \[CONTACTADMIN\] Remove TikTok from this phone/)
    assert.doesNotMatch(printed, /Subject:/)
  })

  it('4. lets Carol’s laptop read', async () => {
    assert.match(await step(4), /Subject: Welcome to the demo/)
  })

  it('5. refuses the submission of Carol’s iPhone', async () => {
    assert.match(await step(5), /550 5\.7\.1 Remove TikTok from this phone/)
  })

  it('6. tells why, who else, and what was logged', async () => {
    const printed = await step(6)
    assert.match(printed, /because: +mandate_deadline: friday-mandate/)
    for (const device of ['carol-iphone', 'dan-galaxy', 'erin-iphone', 'heidi-desktop'])
      assert.match(printed, new RegExp(`^${device} `, 'm'))
    assert.match(printed, /imap +block +mandate_deadline/)
    assert.match(printed, /smtp +block +mandate_deadline/)
    assert.match(printed, /imap +warn +mandate_warning +old-vpn/)
  })

  it('7. takes the order back: command 3 works at once', async () => {
    await step(7)
    assert.match(await step(3), /Subject: Welcome to the demo/)
  })

  it('8. puts it in force again: command 3 is refused', async () => {
    await step(8)
    assert.match(await step(3), /NO \[CONTACTADMIN\]/)
  })

  it('9. takes an edit of the policy within a second', async () => {
    const file = path.join(dir, 'demo', 'config', 'device_gate_policy.yaml')
    fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace('mode: enforce', 'mode: monitor'))
    await eventually(async () => assert.match(await step(3), /Subject: Welcome to the demo/))
  })

  it('10. gives a token to sign in with, and serves the console', async () => {
    const token = (await step(10)).trim()
    const body = JSON.stringify({ token })
    const headers = { 'content-type': 'application/json', origin: ADMIN }
    const session = await fetch(`${ADMIN}/api/v1/session`, { method: 'POST', headers, body })
    assert.equal(session.status, 200, await session.text())
    assert.match(await (await fetch(ADMIN)).text(), /<title>Device Gate/)
  })

  it('says which port is in use when it runs already, and leaves the running one alone', async () => {
    const second = new WatchedProcess('npm', ['start'], { cwd: dir, ...AS_NEWCOMER })
    assert.equal(await second.exited, 1)
    assert.match(second.output, /port 1143 is in use: stop what listens there, then npm start again/)
    assert.match(await step(1), /Subject: Welcome to the demo/)
  })

  it('ends with Ctrl-C, with all that it started', async () => {
    const group = demo.child.pid ?? assert.fail()
    const isOfDemo = (pid: number): boolean =>
      isAlive(pid) && new RegExp(`\\) \\S \\d+ ${group} `).test(fs.readFileSync(`/proc/${pid}/stat`, 'utf8'))
    const left = (): number[] =>
      fs
        .readdirSync('/proc')
        .map(Number)
        .filter((pid) => pid > 0 && isOfDemo(pid))
    assert.ok(left().length >= 4)
    // A terminal sends it to the whole group.
    process.kill(-group, 'SIGINT')
    await demo.exited
    await eventually(() => assert.deepEqual(left(), []))
    for (const port of PORTS) assert.ok(await isFree(port))
  })
})
