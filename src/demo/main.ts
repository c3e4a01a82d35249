import { spawn } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'

import { run } from '../cli/program'
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

async function main(): Promise<void> {
  const now = Date.now()
  await Promise.all([IMAP_PORT, SMTP_PORT].map(assertFree))
  const mail = await startDemoMailServer(demoAccounts(demoOwners(), PASSWORD))
  const site = writeDemoSite(path.join(PACKAGE_ROOT, 'demo'), {
    packageRoot: PACKAGE_ROOT,
    upstreamPort: mail.port,
    imapPort: IMAP_PORT,
    smtpPort: SMTP_PORT,
    policyText: demoPolicy(now),
    users: demoOwners(),
    password: PASSWORD,
  })

  await deviceGate(site.dir, 'tag', 'rotate')
  const fleetFile = path.join(site.dir, 'fleet.ndjson')
  fs.writeFileSync(fleetFile, demoFleet(now).map((record) => `${JSON.stringify(formatDeviceRecord(record))}\n`).join(''))
  await deviceGate(site.dir, 'device', 'import', fleetFile)

  const haraka = spawn(process.execPath, [require.resolve('haraka/bin/haraka'), '-c', site.dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, YES_REALLY_DO_DISCARD: '1' },
  })
  haraka.stdout.pipe(fs.createWriteStream(path.join(site.dir, 'haraka.log')))
  haraka.once('exit', (code) => process.exit(code ?? 1))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => haraka.kill('SIGTERM'))

  await Promise.all([IMAP_PORT, SMTP_PORT].map(untilOpen))
  process.stdout.write(await guide(site, (...argv) => deviceGate(site.dir, ...argv)))
}
