import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

import { run } from '../../src/cli/program'
import { parsePolicy } from '../../src/config/policy-file'
import { LmdbStore } from '../../src/devices/lmdb-store'
import type { JournalEntry } from '../../src/journal/journal'
import { JournalStore } from '../../src/journal/journal-store'
import { bucketOf, type Served, type Visit } from '../../src/journal/traffic'
import { WatchedProcess } from '../support/process'

const CLI = path.resolve(__dirname, '../../dist/cli/main.js')

export interface Answer {
  readonly code: number
  readonly out: string
  readonly err: string
}

export const ANNA = 'anna@example.com'

/** A device record in its wire form. */
export const record = (change: Readonly<Record<string, unknown>> = {}): string =>
  JSON.stringify({
    id: 'anna-phone',
    owners: [ANNA],
    platform: 'ios',
    state: 'noncompliant',
    findings: ['app:x'],
    evidence_at: '2026-11-20T08:00:00Z',
    source: 'mdm',
    version: 7,
    ...change,
  })

export { blockEntry } from '../support/block-entry'

/** A Haraka directory on which no Haraka runs, and the command line on it. */
export class CliSite {
  /** As on a terminal. */
  colour = false
  /** Of the terminal; undefined: a pipe. */
  width: number | undefined
  readonly dir = fs.mkdtempSync(path.join(os.tmpdir(), 'device-gate-cli-'))

  constructor() {
    fs.mkdirSync(this.file('config'))
  }

  file(...names: string[]): string {
    return path.join(this.dir, ...names)
  }

  write(name: string, text: string): string {
    fs.writeFileSync(this.file(name), text, { mode: 0o600 })
    return this.file(name)
  }

  /** Runs one command line in this process. */
  async run(...argv: string[]): Promise<Answer> {
    return this.runWith([], '-c', this.dir, ...argv)
  }

  /** The same without `-c`, with `input` on standard input. */
  async runWith(input: readonly string[], ...argv: string[]): Promise<Answer> {
    const answer = { code: 0, out: '', err: '' }
    const code = await run(argv, {
      out: (text) => (answer.out += text),
      raw: (text) => (answer.out += text),
      err: (text) => (answer.err += text),
      colour: this.colour,
      width: this.width,
      interactive: false,
      input: chunks(input),
      onInterrupt: () => undefined,
    })
    return { ...answer, code }
  }

  /** Runs one that must succeed and gives what it printed. */
  async out(...argv: string[]): Promise<string> {
    const { code, out, err } = await this.run(...argv)
    if (code !== 0) throw new Error(`device-gate ${argv.join(' ')} ended with ${code}: ${err}`)
    return out
  }

  async json(...argv: string[]): Promise<unknown> {
    return JSON.parse(await this.out(...argv, '--json'))
  }

  /** The answer of a command that prints one object a line. */
  async lines(...argv: string[]): Promise<unknown[]> {
    const text = await this.out(...argv, '--json')
    return text.split('\n').flatMap((line) => (line === '' ? [] : (JSON.parse(line) as unknown)))
  }

  /** Runs the built command line as a process of its own. */
  start(...argv: string[]): WatchedProcess {
    return new WatchedProcess(process.execPath, [CLI, '-c', this.dir, ...argv])
  }

  /** What Haraka does at its start and at each good edit. */
  async applyPolicy(text: string, at = Date.now(), by = { author: 'test', reason: 'a test' }): Promise<void> {
    const parsed = parsePolicy(text, { file: 'policy.yaml' })
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems))
    const { policy } = parsed
    await this.store((store) => store.applyPolicy(policy, text, { ...by, at }))
  }

  async store<T>(work: (store: LmdbStore) => T | Promise<T>): Promise<T> {
    const store = LmdbStore.open(this.file('var'))
    try {
      return await work(store)
    } finally {
      await store.close()
    }
  }

  /** What workers write when they refuse or warn somebody. */
  async journal(...entries: readonly JournalEntry[]): Promise<void> {
    const journal = JournalStore.open(this.file('var'), {
      now: Date.now,
      onFault: (error) => {
        throw error
      },
    })
    for (const entry of entries) journal.append(entry)
    await journal.close()
  }

  /** What workers note of who syncs. */
  async traffic(...visits: readonly Visit[]): Promise<void> {
    const journal = JournalStore.open(this.file('var'), { now: Date.now, onFault: assert.ifError })
    for (const visit of visits) journal.traffic.note(visit, null)
    await journal.close()
  }

  /** The same of one that was plainly allowed, on Anna's phone where nothing else is said. */
  async served({ policy, at }: Pick<Served, 'policy' | 'at'>, change: Partial<Visit> = {}): Promise<void> {
    const visit = {
      protocol: 'imap',
      user: ANNA,
      device: 'anna-phone',
      proof: 'tag',
      platformHint: null,
    } as const
    const journal = JournalStore.open(this.file('var'), { now: Date.now, onFault: assert.ifError })
    journal.traffic.note({ ...visit, bucket: bucketOf(at), ...change }, { policy, at, reason: 'compliant' })
    await journal.close()
  }

  remove(): void {
    fs.rmSync(this.dir, { recursive: true, force: true })
  }
}

// eslint-disable-next-line @typescript-eslint/require-await -- standard input is asynchronous
async function* chunks(texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text)
}

/** Called inside `describe`: a new site for each test. */
export function cliSites(): () => CliSite {
  let site: CliSite
  beforeEach(() => (site = new CliSite()))
  afterEach(() => site.remove())
  return () => site
}
