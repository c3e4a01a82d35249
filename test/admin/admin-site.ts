import assert from 'node:assert/strict'
import fs from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import os from 'node:os'
import path from 'node:path'

import { startAdminServer, type AdminServer } from '../../src/admin/server'
import type { Watch } from '../../src/admin/parts'
import { formatTokens, newToken, type AdminRole, type AdminToken } from '../../src/config/admin-tokens'
import { parseHostConfig } from '../../src/config/host-config-file'
import type { HostConfig } from '../../src/config/host-config'
import { parsePolicy } from '../../src/config/policy-file'
import { LmdbStore } from '../../src/devices/lmdb-store'
import { parseDeviceRecord } from '../../src/devices/record'
import { FeedsDatabase } from '../../src/feeds/feeds-database'
import type { ControlParts } from '../../src/host-parts'
import { JournalStore } from '../../src/journal/journal-store'
import { createLogger } from '../../src/journal/logger'
import { siteOf } from '../../src/site-of'
import { CertificateAuthority } from '../support/certificates'
import { deviceFields } from '../support/device-line'

export interface CallOptions {
  readonly token?: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as it is, instead of `body`. */
  readonly raw?: string
}

export interface CallAnswer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly text: string
  readonly json: Record<string, unknown>
}

export interface AdminSiteOptions {
  /** `device_gate.yaml` beside `admin`. */
  readonly hostConfig?: string
  readonly policy?: string
  readonly tls?: boolean
  readonly console?: Readonly<Record<string, string>>
  readonly watch?: Watch
  readonly now?: () => number
}

/** An admin server in this process, over a store and a journal of its own. */
export class AdminSite {
  readonly dir = fs.mkdtempSync(path.join(os.tmpdir(), 'device-gate-admin-'))
  /** The lines of the log. */
  readonly log: string[] = []
  readonly faults: unknown[] = []
  readonly #ca: CertificateAuthority | undefined
  readonly #tokens: AdminToken[] = []
  readonly #secrets = new Map<string, string>()
  #server: AdminServer | undefined
  #config: HostConfig | undefined
  store!: LmdbStore
  journal!: JournalStore
  #feeds!: FeedsDatabase

  private constructor(private readonly options: AdminSiteOptions) {
    this.#ca = options.tls ? new CertificateAuthority() : undefined
  }

  static async start(options: AdminSiteOptions = {}): Promise<AdminSite> {
    const site = new AdminSite(options)
    try {
      await site.#start()
    } catch (error) {
      await site.stop()
      throw error
    }
    return site
  }

  async #start(): Promise<void> {
    const { hostConfig = '', policy, now = Date.now } = this.options
    fs.mkdirSync(this.file('config'))
    const certificate = this.#ca?.server()
    const tls = certificate ? `, tls: { cert: ${certificate.cert}, key: ${certificate.key} }` : ''
    const text = `${hostConfig}\nadmin: { listen: "127.0.0.1:0"${tls} }\n`
    const reading = parseHostConfig(text, { file: 'device_gate.yaml', harakaDir: this.dir })
    assert.ok(reading.ok, JSON.stringify(reading))
    const config = reading.config
    this.#config = config
    this.store = LmdbStore.open(config.stateDir)
    this.journal = JournalStore.open(config.stateDir, { now, onFault: (error) => this.faults.push(error) })
    this.#feeds = FeedsDatabase.open(config.stateDir)
    if (policy !== undefined) await this.applyPolicy(policy)
    for (const [name, content] of Object.entries(this.options.console ?? {})) {
      fs.mkdirSync(path.dirname(this.file('console', name)), { recursive: true })
      fs.writeFileSync(this.file('console', name), content)
    }
    assert.ok(config.admin.listen)
    this.#server = await startAdminServer(
      {
        site: { ...siteOf(this.#parts(config)), workers: () => [], now },
        store: this.store,
        fleet: undefined,
        watch: this.options.watch,
        receiveForFeed: () => Promise.resolve(undefined),
        logger: createLogger((line) => this.log.push(line)),
        onFault: (error) => this.faults.push(error),
        now,
        consoleDir: this.file('console'),
      },
      config.admin.listen,
      config.admin,
    )
  }

  #parts(config: HostConfig): ControlParts {
    const onFault = (error: unknown): unknown => this.faults.push(error)
    return {
      harakaDir: this.dir,
      config: { current: () => config, problems: () => [], waiting: () => [], close: () => undefined },
      store: this.store,
      replica: this.store,
      fleet: undefined,
      feeds: this.#feeds,
      journal: this.journal,
      logger: createLogger((line) => this.log.push(line)),
      onFault,
      onConfigChange: () => undefined,
      onConfigProblems: () => undefined,
      close: () => Promise.resolve(),
    }
  }

  file(...names: string[]): string {
    return path.join(this.dir, ...names)
  }

  get url(): URL {
    assert.ok(this.#server)
    return new URL(this.#server.address)
  }

  async applyPolicy(text: string): Promise<void> {
    const parsed = parsePolicy(text, { file: 'policy.yaml' })
    assert.ok(parsed.ok, JSON.stringify(parsed))
    await this.store.applyPolicy(parsed.policy, text, {
      author: 'policy file',
      reason: 'a test',
      at: Date.now(),
    })
  }

  async put(...records: readonly Readonly<Record<string, unknown>>[]): Promise<void> {
    const parsed = records.map((one) => parseDeviceRecord(deviceFields(one)))
    await this.store.putDevices(
      parsed.map((one) => {
        assert.ok(one.ok, JSON.stringify(one))
        return one.record
      }),
    )
  }

  /** The secret of the token of this name, issued when it is asked for first. */
  token(role: AdminRole, name: string = role, parts: Partial<AdminToken> = {}): string {
    const known = this.#secrets.get(name)
    if (known !== undefined) return known
    const { token, secret } = newToken({ name, role, createdAt: Date.now(), expiresAt: null })
    this.#tokens.push({ ...token, ...parts })
    this.#secrets.set(name, secret)
    this.#writeTokens()
    return secret
  }

  revoke(name: string): void {
    this.#tokens.splice(
      this.#tokens.findIndex((token) => token.name === name),
      1,
    )
    this.#secrets.delete(name)
    this.#writeTokens()
  }

  #writeTokens(): void {
    assert.ok(this.#config)
    const { tokenFile } = this.#config.admin
    fs.writeFileSync(`${tokenFile}.new`, formatTokens(this.#tokens), { mode: 0o600 })
    fs.renameSync(`${tokenFile}.new`, tokenFile)
  }

  request(
    method: string,
    path: string,
    { token, body, raw, headers = {} }: CallOptions = {},
  ): http.ClientRequest {
    const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body))
    const request = (this.#ca ? https : http).request({
      host: '127.0.0.1',
      port: this.url.port,
      method,
      path,
      agent: false,
      ...(this.#ca && { ca: fs.readFileSync(this.#ca.file), servername: 'localhost' }),
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(payload !== undefined && {
          'content-type': 'application/json',
          'content-length': String(Buffer.byteLength(payload)),
        }),
        ...headers,
      },
    })
    request.end(payload)
    return request
  }

  async call(method: string, path: string, options: CallOptions = {}): Promise<CallAnswer> {
    const request = this.request(method, path, options)
    const response = await new Promise<http.IncomingMessage>((resolve, reject) =>
      request.once('response', resolve).once('error', reject),
    )
    let text = ''
    for await (const chunk of response.setEncoding('utf8')) text += chunk as string
    const isJson = /\bjson\b/.test(response.headers['content-type'] ?? '')
    const json = isJson ? (JSON.parse(text) as Record<string, unknown>) : {}
    return { status: response.statusCode ?? 0, headers: response.headers, text, json }
  }

  async stop(): Promise<void> {
    await this.#server?.close()
    await (this.journal as JournalStore | undefined)?.close()
    await (this.#feeds as FeedsDatabase | undefined)?.close()
    await (this.store as LmdbStore | undefined)?.close()
    this.#ca?.remove()
    fs.rmSync(this.dir, { recursive: true, force: true })
  }
}

/** Called inside `describe`: one for all of its tests. */
export function adminSite(options: AdminSiteOptions = {}): () => AdminSite {
  let site: AdminSite
  before(async () => (site = await AdminSite.start(options)))
  after(() => site.stop())
  return () => site
}
