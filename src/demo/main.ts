import { spawn } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'

import { run } from '../cli/program'
import { formatDeviceRecord } from '../devices/record'
import { demoFleet, demoOwners, demoPolicy } from './fleet'
import { guide } from './guide'
import { startDemoMailServer } from './mail-server'
import { demoAccounts } from './mailbox'
import { writeDemoSite } from './site'

/**
 * DEMO ONLY: `npm start`. Makes a site below demo/, starts the demo mail server in this process and real
 * Haraka with the plugin as a child, and prints what to try. Ends with Ctrl-C.
 */
const PACKAGE_ROOT = path.resolve(__dirname, '..', '..')
const PASSWORD = 'demo'
const IMAP_PORT = 1143
const SMTP_PORT = 1587
const ADMIN_PORT = 8143
const HARAKA = path.join(path.dirname(require.resolve('haraka/package.json')), 'bin', 'haraka')

async function main(): Promise<void> {
  const now = Date.now()
  await Promise.all([IMAP_PORT, SMTP_PORT, ADMIN_PORT].map(assertFree))
  const mail = await startDemoMailServer(demoAccounts(demoOwners(), PASSWORD))
  const site = writeDemoSite(path.join(PACKAGE_ROOT, 'demo'), {
    packageRoot: PACKAGE_ROOT,
    upstreamPort: mail.port,
    imapPort: IMAP_PORT,
    smtpPort: SMTP_PORT,
    adminPort: ADMIN_PORT,
    policyText: demoPolicy(now),
    users: demoOwners(),
    password: PASSWORD,
  })

  await deviceGate(site.dir, 'tag', 'rotate')
  const fleetFile = path.join(site.dir, 'fleet.ndjson')
  const lines = demoFleet(now).map((record) => `${JSON.stringify(formatDeviceRecord(record))}\n`)
  fs.writeFileSync(fleetFile, lines.join(''))
  await deviceGate(site.dir, 'device', 'import', fleetFile)

  const haraka = spawn(process.execPath, [HARAKA, '-c', site.dir], {
    stdio: ['ignore', fs.openSync(path.join(site.dir, 'haraka.log'), 'w'), 'inherit'],
    env: { ...process.env, YES_REALLY_DO_DISCARD: '1' },
  })
  let stopping = false
  haraka.once('exit', (code) => {
    if (!stopping)
      process.stderr.write(`Haraka ended (${String(code)}); see ${path.join(site.dir, 'haraka.log')}\n`)
    process.exit(stopping ? 0 : 1)
  })
  const stop = (): void => {
    stopping = true
    haraka.kill('SIGTERM')
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stop)

  await Promise.all([IMAP_PORT, SMTP_PORT].map(untilOpen))
  process.stdout.write(await guide(site, (...argv) => deviceGate(site.dir, ...argv)))
}

/** Runs one command line of the demo's own CLI and gives what it printed; throws what it said on stderr. */
async function deviceGate(dir: string, ...argv: string[]): Promise<string> {
  const out: string[] = []
  const err: string[] = []
  const streams = {
    out: (text: string) => out.push(text),
    err: (text: string) => err.push(text),
    raw: (text: string) => out.push(text),
    colour: false,
    width: undefined,
    interactive: false,
    input: process.stdin,
    onInterrupt: () => undefined,
  }
  const code = await run(['-c', dir, ...argv], streams)
  if (code !== 0) throw new Error(err.join(''))
  return out.join('').trimEnd()
}

async function assertFree(port: number): Promise<void> {
  if (await canConnect(port))
    throw new Error(`port ${port} is in use: stop what listens there, then npm start again`)
}

const START_MS = 30_000

async function untilOpen(port: number): Promise<void> {
  const end = Date.now() + START_MS
  while (!(await canConnect(port))) {
    if (Date.now() > end)
      throw new Error(`nothing listens on port ${port} after ${START_MS / 1000} s; see demo/haraka.log`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const canConnect = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1')
    const answer = (open: boolean) => () => {
      socket.destroy()
      resolve(open)
    }
    socket.once('connect', answer(true)).once('error', answer(false))
  })

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
})
