import path from 'node:path'

import { Dovecot } from '../../test/support/dovecot'
import { HarakaSite } from '../../test/support/haraka-site'
import { proxySettings, UPSTREAM_SETTINGS } from './dovecot-settings'
import type { LoadAccounts } from './load-client'
import { NginxMailProxy } from './nginx-mail-proxy'
import { childrenNamed } from './process-usage'

/** A proxy under test, or the upstream itself. */
export interface Target {
  readonly port: number
  /** The processes that do its work; their CPU time is added up. */
  readonly pids: readonly number[]
  /** Asks for what it no longer needs to be given back; where there is no such thing, nothing is left out. */
  readonly collect?: () => void
  remove(): Promise<void>
}

const USERS = 200
const PASSWORD = 'secret'

export const accounts: LoadAccounts = {
  users: Array.from({ length: USERS }, (_, i) => `user${i}@example.com`),
  password: PASSWORD,
}

/** Each user has a phone that is known, fresh and compliant, and a mandate is in force: the gate has to look. */
const POLICY = `mode: enforce
unknown: block
mandates:
  - id: forbidden-app
    finding: "app:com.example.forbidden"
    platforms: [ios, android]
    warn_from: 2020-07-06T00:00:00Z
    deadline: 2020-07-10T23:59:00Z
    message: Remove the app
`

const device = (user: string, i: number): string =>
  JSON.stringify({
    id: `phone-${i}`,
    owners: [user],
    platform: i % 2 === 0 ? 'ios' : 'android',
    state: 'compliant',
    findings: ['app:com.example.other'],
    evidence_at: new Date().toISOString(),
    source: 'mdm',
    version: 1,
  })

export async function startUpstream(messages: number, messageOctets: number): Promise<Dovecot> {
  const users = Object.fromEntries(accounts.users.map((user) => [user, PASSWORD]))
  const upstream = await Dovecot.start({ users, settings: UPSTREAM_SETTINGS })
  const line = `${'x'.repeat(76)}\r\n`
  const message = `Subject: bench\r\n\r\n${line.repeat(Math.ceil(messageOctets / line.length))}`
  for (let i = 0; i < messages; i += 1) upstream.deliver(accounts.users[0] ?? '', message)
  return upstream
}

export async function startNginx(upstreamPort: number): Promise<Target> {
  return NginxMailProxy.start(upstreamPort)
}

/** Its login process, and the one that tells it where to go: nginx and the gate decide that themselves. */
export async function startDovecotProxy(upstreamPort: number): Promise<Target> {
  const proxy = await Dovecot.start({ users: {}, settings: proxySettings(upstreamPort) })
  return {
    port: proxy.port,
    // Those that were started are not called so at once.
    get pids() {
      return [...childrenNamed(proxy.pid, 'imap-login'), ...childrenNamed(proxy.pid, 'auth')]
    },
    remove: () => proxy.remove(),
  }
}

/** `nodes` 0: Haraka's one process; more: its workers, with the master that hands them their connections. */
export async function startGate(
  upstreamPort: number,
  nodes: number,
): Promise<Target & { readonly stateDir: string }> {
  const site = await HarakaSite.create({
    nodes,
    policy: POLICY,
    upstreamPort,
    upstreamHost: '127.0.0.1',
    imapConfig: '  limits: { per_address: 10000 }',
    files: { 'devices.ndjson': accounts.users.map(device).join('\n') },
    preload: path.join(__dirname, 'collect-on-signal.cjs'),
  })
  await site.run('tag', 'rotate')
  await site.run('device', 'import', site.file('devices.ndjson'))
  await site.start()
  const pid = site.haraka.child.pid ?? 0
  const pids = [pid, ...childrenNamed(pid, 'node')]
  return {
    port: site.imapPort,
    stateDir: path.join(site.dir, 'var'),
    pids,
    collect: () => pids.forEach((each) => process.kill(each, 'SIGUSR2')),
    remove: () => site.remove(),
  }
}
