import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

import type { Certificate } from './certificates'
import { isAlive, WatchedProcess } from './process'
import { freePorts, untilListening } from './ports'

const PACKAGE_ROOT = path.resolve(__dirname, '..', '..')
const HARAKA_ROOT = path.dirname(require.resolve('haraka/package.json'))
const HARAKA = path.join(HARAKA_ROOT, 'bin', 'haraka')
const CLI = path.join(PACKAGE_ROOT, 'dist', 'cli', 'main.js')

export interface HarakaSiteOptions {
  /** Haraka's worker processes; 0: one process does all. */
  readonly nodes?: number
  /** Users of auth/flat_file, with their passwords. */
  readonly users?: Readonly<Record<string, string>>
  /** `device_gate.yaml`, without `imap.listen`, `imap.upstream` and `admin`. */
  readonly hostConfig?: string
  /** `admin:` in it; without it there is no admin server. */
  readonly admin?: string
  /** Lines below `imap:` beside listen and upstream, each indented by two blanks. */
  readonly imapConfig?: string
  readonly policy: string
  /** The site's IMAP server, on this host. */
  readonly upstreamPort: number
  /** How it is called, `localhost` unless said. */
  readonly upstreamHost?: string
  readonly upstreamTls?: 'none' | 'starttls' | 'implicit'
  /** The CA that the upstream's certificate is checked against. */
  readonly upstreamCa?: string
  /** With it the gate offers STARTTLS, and implicit TLS on `imapTlsPort`. */
  readonly tls?: Certificate
  /** Haraka's plugins, in their order. */
  readonly plugins?: readonly string[]
  /** A script that is loaded into Haraka's processes before anything else. */
  readonly preload?: string
  /** Further files of the config directory, by name. */
  readonly files?: Readonly<Record<string, string>>
}

export interface CliResult {
  readonly code: number | null
  /** Of stdout and stderr. */
  readonly output: string
  readonly stdout: string
}

/**
 * A Haraka directory of its own in a temporary place, with real Haraka and the built plugin. It needs
 * `npm run build` first (npm test does it).
 */
export class HarakaSite {
  #haraka: WatchedProcess | undefined
  readonly #tags = new Map<string, string>()

  private constructor(
    readonly dir: string,
    readonly smtpPort: number,
    readonly imapPort: number,
    readonly imapTlsPort: number,
    private readonly options: HarakaSiteOptions,
  ) {}

  static async create(options: HarakaSiteOptions): Promise<HarakaSite> {
    if (!fs.existsSync(CLI)) throw new Error('dist/ is missing: npm run build')
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'device-gate-site-'))
    const [smtpPort = 0, imapPort = 0, imapTlsPort = 0] = await freePorts(3)
    const site = new HarakaSite(dir, smtpPort, imapPort, imapTlsPort, options)
    site.#write()
    return site
  }

  #write(): void {
    const { options } = this
    fs.mkdirSync(path.join(this.dir, 'config'))
    fs.mkdirSync(path.join(this.dir, 'queue'))
    fs.mkdirSync(path.join(this.dir, 'plugins'))
    fs.symlinkSync(
      path.join(PACKAGE_ROOT, 'plugins', 'device_gate'),
      path.join(this.dir, 'plugins', 'device_gate'),
    )
    fs.copyFileSync(path.join(HARAKA_ROOT, 'config', 'connection.ini'), this.file('connection.ini'))
    const users = Object.entries(options.users ?? {}).map(([user, password]) => `${user}=${password}`)
    const lines: Readonly<Record<string, readonly string[]>> = {
      'smtp.ini': [`listen=127.0.0.1:${this.smtpPort}`, `nodes=${options.nodes ?? 0}`],
      plugins: options.plugins ?? ['device_gate', 'auth/flat_file', 'queue/discard'],
      me: ['gate.example.com'],
      loglevel: ['notice'],
      'auth_flat_file.ini': [
        '[core]',
        'methods=PLAIN,LOGIN,CRAM-MD5',
        'constrain_sender=false',
        '[users]',
        ...users,
      ],
      'device_gate.yaml': [
        options.hostConfig ?? '',
        ...this.#imapLines(),
        `admin: ${options.admin ?? '{ listen: null }'}`,
      ],
      'device_gate_policy.yaml': [options.policy],
    }
    for (const [name, text] of Object.entries(lines)) this.writeFile(name, `${text.join('\n')}\n`)
    for (const [name, text] of Object.entries(options.files ?? {})) this.writeFile(name, text)
  }

  #imapLines(): string[] {
    const { imapConfig = '', upstreamHost = 'localhost', upstreamPort, tls } = this.options
    const { upstreamTls = 'none', upstreamCa = null } = this.options
    const front = tls && [
      `  listen_tls: ["127.0.0.1:${this.imapTlsPort}"]`,
      `  tls: { cert: ${tls.cert}, key: ${tls.key} }`,
    ]
    return [
      'imap:',
      `  listen: ["127.0.0.1:${this.imapPort}"]`,
      `  upstream: { host: ${upstreamHost}, port: ${upstreamPort}, tls: ${upstreamTls}, ca: ${upstreamCa} }`,
      ...(front ?? []),
      imapConfig,
    ]
  }

  /** A file of the site's config directory. */
  file(name: string): string {
    return path.join(this.dir, 'config', name)
  }

  writeFile(name: string, text: string): void {
    fs.writeFileSync(this.file(name), text, { mode: 0o600 })
  }

  /** As it was written, changed by `edit`, saved as an editor does. */
  editFile(name: string, edit: (text: string) => string): void {
    this.writeFile(name, edit(fs.readFileSync(this.file(name), 'utf8')))
  }

  /** Starts Haraka; resolves when each of its processes listens. */
  async start(): Promise<void> {
    const haraka = this.spawn()
    await haraka.until(/"imap listening"/, Math.max(1, this.options.nodes ?? 0) * (this.options.tls ? 2 : 1))
    await untilListening(this.smtpPort, () => haraka.output)
  }

  /** Starts Haraka and leaves it to the caller what comes of it. */
  spawn(): WatchedProcess {
    const env = { ...process.env, YES_REALLY_DO_DISCARD: '1' }
    const { preload } = this.options
    const flags = preload === undefined ? [] : ['--require', preload]
    this.#haraka = new WatchedProcess(process.execPath, [...flags, HARAKA, '-c', this.dir], { env })
    return this.#haraka
  }

  /** Has Haraka replace its workers one by one; resolves with the exit code when the order was given. */
  graceful(): Promise<number | null> {
    return new WatchedProcess(process.execPath, [HARAKA, '-c', this.dir, '--graceful']).exited
  }

  /** Where its admin server listens. */
  get adminUrl(): string {
    const [, url] = /"address":"(https?:[^"]+)".*"admin server listening"/.exec(this.haraka.output) ?? []
    if (url === undefined) throw new Error(`no admin server listens: ${this.haraka.output}`)
    return url
  }

  /** The processes that serve clients now, by the ids in their log lines, in the order they came up. */
  get workers(): number[] {
    const pids = this.haraka.output.matchAll(/"pid":(\d+),.*"imap listening"/g)
    return [...new Set(Array.from(pids, ([, pid]) => Number(pid)))].filter(isAlive)
  }

  /** The user name that `device` of `user` logs in with. */
  async tag(user: string, device: string): Promise<string> {
    const key = `${user} ${device}`
    const known = this.#tags.get(key) ?? (await this.run('tag', 'issue', user, device))
    this.#tags.set(key, known)
    return known
  }

  /** The block log's lines so far. */
  blockLog(): Record<string, unknown>[] {
    const file = path.join(this.dir, 'var', 'log', 'blocks.ndjson')
    const text = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : ''
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  }

  get haraka(): WatchedProcess {
    if (!this.#haraka) throw new Error('the site was not started')
    return this.#haraka
  }

  /** A command line of the built CLI that goes on until it is stopped. */
  startCli(...argv: string[]): WatchedProcess {
    return new WatchedProcess(process.execPath, [CLI, '-c', this.dir, ...argv])
  }

  /** One command line of the built CLI, as a process of its own. */
  async cli(...argv: string[]): Promise<CliResult> {
    const cli = this.startCli(...argv)
    return { code: await cli.exited, output: cli.output, stdout: cli.stdout }
  }

  /** Like `cli`, for a command that must succeed; gives its answer. */
  async run(...argv: string[]): Promise<string> {
    const { code, output, stdout } = await this.cli(...argv)
    if (code !== 0) throw new Error(`device-gate ${argv.join(' ')} ended with ${String(code)}: ${output}`)
    return stdout.trimEnd()
  }

  async stop(): Promise<void> {
    await this.#haraka?.stop()
    this.#haraka = undefined
  }

  /** Stops and takes the directory away. */
  async remove(): Promise<void> {
    await this.stop()
    fs.rmSync(this.dir, { recursive: true, force: true })
  }
}
