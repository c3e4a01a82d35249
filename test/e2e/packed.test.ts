import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

import { deviceLine } from '../support/device-line'
import { Dovecot } from '../support/dovecot'
import { imapClient, submitMail, syncMail } from '../support/mail-client'
import { freePorts } from '../support/ports'
import { WatchedProcess } from '../support/process'

const PACKAGE_ROOT = path.resolve(__dirname, '..', '..')
const HARAKA = path.join(path.dirname(require.resolve('haraka/package.json')), 'bin', 'haraka')
const USER = 'anna@example.com'
const PASSWORD = 'secret'
const PHONE = 'anna-phone'

/** What `npm publish` would publish, in a site that `haraka -i` made: the README's steps, one after the other. */
describe('the packed plugin in a new Haraka directory', function () {
  // npm fetches the dependencies, from the registry where they are not in its cache.
  this.timeout(300_000)
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'device-gate-packed-'))
  const site = path.join(dir, 'site')
  let dovecot: Dovecot
  let haraka: WatchedProcess | undefined
  let smtpPort = 0
  let imapPort = 0
  let user = ''

  const run = async (cwd: string, command: string, ...args: string[]): Promise<string> => {
    const process = new WatchedProcess(command, args, { cwd })
    assert.equal(await process.exited, 0, `${command} ${args.join(' ')}: ${process.output}`)
    return process.stdout.trimEnd()
  }
  const gate = (...args: string[]): Promise<string> =>
    run(site, 'npx', '--no-install', 'device-gate', ...args)
  const read = (name: string): string => fs.readFileSync(path.join(site, 'config', name), 'utf8')
  const write = (name: string, text: string): void =>
    fs.writeFileSync(path.join(site, 'config', name), text, { mode: 0o600 })
  const edit = (name: string, from: string, to: string): void => {
    assert.equal(read(name).split(from).length, 2, `${name} has "${from}" once`)
    write(name, read(name).replace(from, to))
  }

  before(async () => {
    dovecot = await Dovecot.start({ users: { [USER]: PASSWORD } })
    dovecot.deliver(USER, 'From: ben@example.com\r\nSubject: hello\r\n\r\nLunch?\r\n')
    // dist/ is built already, as everything here wants it.
    await run(PACKAGE_ROOT, 'npm', 'pack', '--ignore-scripts', '--pack-destination', dir)
    const [tarball = ''] = fs.readdirSync(dir)
    await run(dir, process.execPath, HARAKA, '-i', site)
    const fetching = ['--prefer-offline', '--no-audit', '--no-fund']
    await run(site, 'npm', 'install', ...fetching, path.join(dir, tarball))
  })
  after(async () => {
    await haraka?.stop()
    await dovecot.remove()
    fs.rmSync(dir, { recursive: true, force: true })
  })

  it('writes its config files and says what is still to be done', async () => {
    assert.match(await gate('init'), /device_gate\.yaml +written[^]*add the line device-gate/)
    const ports = await freePorts(3)
    ;[smtpPort = 0, imapPort = 0] = ports
    edit('device_gate.yaml', "['127.0.0.1:1143']", `['127.0.0.1:${imapPort}']`)
    edit('device_gate.yaml', 'port: 143', `port: ${dovecot.port}`)
    edit('device_gate.yaml', "'127.0.0.1:8143'", `'127.0.0.1:${ports[2]}'`)
    edit('device_gate_policy.yaml', 'mode: monitor\n', 'mode: enforce\n')
    write('plugins', 'device-gate\nauth/flat_file\nqueue/discard\n')
    write('smtp.ini', `listen=127.0.0.1:${smtpPort}\nnodes=1\n`)
    write(
      'auth_flat_file.ini',
      `[core]\nmethods=PLAIN\nconstrain_sender=false\n[users]\n${USER}=${PASSWORD}\n`,
    )
    const before = read('device_gate.yaml')
    assert.doesNotMatch(await gate('init'), /written|renewed|add the line/)
    assert.equal(read('device_gate.yaml'), before)
    await gate('tag', 'rotate')
    user = await gate('tag', 'issue', USER, PHONE)
  })

  it('starts with Haraka, and says that all is well', async () => {
    const env = { ...process.env, YES_REALLY_DO_DISCARD: '1' }
    haraka = new WatchedProcess(process.execPath, [HARAKA, '-c', site], { env })
    await haraka.until(/"imap listening"/)
    const status = await gate('status')
    assert.match(status, /mode in force here: +enforce\n/)
    assert.match(status, /policy file: +in force\nconfig file: +in force\n/)
    assert.match(status, /gate: +running/)
  })

  it('decides on IMAP and SMTP: a phone syncs and sends until it is noncompliant', async () => {
    const sync = () => syncMail(imapClient(imapPort, { user, pass: PASSWORD }))
    const submit = (): Promise<string> => submitMail(smtpPort, { user, pass: PASSWORD })
    await gate('device', 'put', deviceLine({ id: PHONE }))
    assert.equal((await sync()).subject, 'hello')
    assert.match(await submit(), /^250 /)
    await gate('device', 'put', deviceLine({ id: PHONE, state: 'noncompliant', version: 2 }))
    assert.equal((await sync()).refusal?.code, 'CONTACTADMIN')
    assert.match(await submit(), /^550 5\.7\.1 /)
    assert.match(await gate('why', PHONE), /decision: +block/)
  })
})
