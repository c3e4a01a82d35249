import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { open } from 'lmdb'

import { issueTag } from '../../src/identity/device-tag'
import { formatKeyring, type TagKey } from '../../src/identity/tag-keyring'
import type { Certificate } from '../support/certificates'
import { HarakaSite } from '../support/haraka-site'

export const PASSWORD = 'secret'

/** The key behind the tags in the transcripts; anybody can make more with it. */
const KEY: TagKey = { id: 'K1', secret: Buffer.alloc(32), createdAt: Date.parse('2026-01-01T00:00:00Z') }

/** Each person has one phone, named after them: `anna@example.com`, `anna-phone`. */
const STATES: Readonly<Record<string, string>> = {
  anna: 'compliant',
  ben: 'noncompliant',
  carol: 'grace',
  dora: 'compliant',
  erik: 'compliant',
}
/** Whose record is damaged in the store. */
const DAMAGED = 'erik'

const POLICY = `mode: enforce
max_new_blocks: { percent: 100 }
unknown: allow
noncompliant: block
grace: warn
contact: "Help desk: +1 555 0100"
`

/** The same for all: a decision's id depends on it. */
const EVIDENCE_AT = new Date(Date.now() - 60_000).toISOString()

const address = (person: string): string => `${person}@example.com`
const record = (person: string, state: string, version: number): string =>
  JSON.stringify({
    id: `${person}-phone`,
    owners: [address(person)],
    platform: 'ios',
    state,
    findings: [],
    evidence_at: EVIDENCE_AT,
    source: 'mdm',
    version,
  })

export const tagged = (person: string, device = `${person}-phone`): string =>
  issueTag(KEY, '#', address(person), device)

/** A running Haraka with these people, and what can happen to it in a transcript. */
export class SmtpSite {
  #version = 1
  #reloads = 0
  #modeChanged = false
  readonly #hostChanged = new Set<string>()

  private constructor(readonly haraka: HarakaSite) {}

  /** With auth/flat_file, mail for example.org, and relaying for 127.0.0.2. */
  static withFlatFile(): Promise<SmtpSite> {
    const users = Object.fromEntries(Object.keys(STATES).map((person) => [address(person), PASSWORD]))
    return SmtpSite.#start({
      users,
      plugins: ['device_gate', 'relay', 'auth/flat_file', 'rcpt_to.in_host_list', 'queue/discard'],
      files: {
        loglevel: 'info\n',
        host_list: 'example.org\n',
        'relay.ini': '[relay]\nacl=true\n',
        relay_acl_allow: '127.0.0.2/32\n',
      },
    })
  }

  /**
   * With auth/auth_proxy, which asks the mail server on `backendPort`; two workers, and device_gate behind the
   * auth plugin and a plugin that drops refusals for whoever logged in.
   */
  static withAuthProxy(backendPort: number, tls: Certificate): Promise<SmtpSite> {
    return SmtpSite.#start({
      nodes: 2,
      plugins: ['tls', 'auth/auth_proxy', 'delay_deny', 'device_gate', 'queue/discard'],
      files: {
        'auth_proxy.ini': `[domains]\nexample.com=127.0.0.1:${backendPort}\n`,
        'tls.ini': '[main]\n',
        'tls_key.pem': fs.readFileSync(tls.key, 'utf8'),
        'tls_cert.pem': fs.readFileSync(tls.cert, 'utf8'),
      },
    })
  }

  static async #start(options: Partial<Parameters<typeof HarakaSite.create>[0]>): Promise<SmtpSite> {
    // Nothing here speaks IMAP: its upstream may be any port.
    const haraka = await HarakaSite.create({ policy: POLICY, upstreamPort: 9, ...options })
    haraka.writeFile('device_gate_tag.key', formatKeyring([KEY]))
    const devices = path.join(haraka.dir, 'devices.ndjson')
    const records = Object.entries(STATES).map(([person, state]) => `${record(person, state, 1)}\n`)
    fs.writeFileSync(devices, records.join(''))
    await haraka.run('device', 'import', devices)
    await damage(haraka)
    await haraka.start()
    return new SmtpSite(haraka)
  }

  get port(): number {
    return this.haraka.smtpPort
  }

  /** A `! text` line of a transcript; resolves when it is so in all workers: commands come back then. */
  async event(text: string): Promise<void> {
    const [, device, state] = /^(\w+)-phone becomes (\w+)$/.exec(text) ?? []
    const [, mode] = /^mode (\w+)$/.exec(text) ?? []
    const [, key, value = ''] = /^host (\w+): (.+)$/.exec(text) ?? []
    if (device !== undefined && state !== undefined) await this.#put(device, state)
    else if (mode !== undefined) await this.#setMode(mode)
    else if (key !== undefined) await this.#setHost(key, value)
    else throw new Error(`nobody knows how to do "${text}"`)
  }

  /** As it was before the events. */
  async restore(): Promise<void> {
    if (this.#modeChanged) await this.#setMode('policy')
    await this.restoreHost()
  }

  /** The same but for the mode. */
  async restoreHost(): Promise<void> {
    for (const key of this.#hostChanged) await this.#setHost(key, null)
  }

  async #setMode(mode: string): Promise<void> {
    this.#modeChanged = mode !== 'policy'
    await this.haraka.run('mode', mode, '--reason', 'test')
  }

  async #put(person: string, state: string): Promise<void> {
    this.#version += 1
    await this.haraka.run('device', 'put', record(person, state, this.#version))
  }

  /** A key of device_gate.yaml, live. */
  async #setHost(key: string, value: string | null): Promise<void> {
    this.#reloads += 1
    if (value === null) this.#hostChanged.delete(key)
    else this.#hostChanged.add(key)
    this.haraka.editFile('device_gate.yaml', (text) => {
      const others = text.split('\n').filter((line) => !line.startsWith(`${key}:`))
      return [...others, ...(value === null ? [] : [`${key}: ${value}`])].join('\n')
    })
    await this.haraka.haraka.until(/config reloaded/, this.#reloads)
  }

  async remove(): Promise<void> {
    await this.haraka.remove()
  }
}

/** As a torn write would leave it. */
async function damage(site: HarakaSite): Promise<void> {
  const replica = open<string, string>({ path: path.join(site.dir, 'var', 'replica'), maxDbs: 16 })
  const devices = replica.openDB<string, string>({ name: 'devices', encoding: 'string' })
  await devices.put(`${DAMAGED}-phone`, '{"id":"erik-pho')
  await replica.close()
}

/** Connects from an address of the loopback network, with `allowHalfOpen` as the runner needs it. */
export async function connectFrom(port: number, from: string): Promise<net.Socket> {
  const socket = net.connect({
    port,
    host: '127.0.0.1',
    localAddress: from,
    allowHalfOpen: true,
    noDelay: true,
  })
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  return socket
}
