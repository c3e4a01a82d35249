import path from 'node:path'

import {
  entryCount,
  newestKey,
  openEnvironment,
  type Environment,
  type TextDatabase,
} from '../lmdb/environment'
import { Fold } from './fold'
import { SessionInquiries } from './inquiries'
import { eraseUser } from './erase'
import { Erasures, type Erasure } from './erasures'
import type {
  JournalCursor,
  JournalEntry,
  JournalPage,
  JournalQuery,
  JournalReader,
  JournalSink,
  NumberedEntry,
} from './journal'
import { JournalIndex } from './journal-index'
import { searchPage } from './search'
import { Spool } from './spool'
import { readEntry, readPosition, type BlockLogPosition } from './stored'
import { startOf, TrafficRecord } from './traffic'
import { WorkerCounts } from './worker-counts'
import { WorkerNotes } from './worker-notes'

/** Grows with each change of what is stored and how. */
const SCHEMA_VERSION = 1
const FLUSH_MS = 100
/** Entries waiting for the disk; beyond it they are counted as lost, the mail goes on. */
const MAX_WAITING = 20_000
/** Where nobody says anything else. Who was blocked when is personal data: it is not kept longer than an inquiry needs. */
const LIMITS: JournalLimits = { maxEntries: 1_000_000, maxAgeMs: 90 * 86_400_000 }
/** Outdated entries taken out with each batch that is written, beside as many as it puts. */
const TRIM_BATCH = 500
/** Field lengths: a client or a feed must not fill the journal with one entry. */
const MAX_TEXT = 320

export interface JournalLimits {
  /** Entries kept. */
  readonly maxEntries: number
  readonly maxAgeMs: number
}

export interface JournalOptions {
  readonly now: () => number
  /** Told of each failed write and of entries lost; must bound what it does with many. */
  readonly onFault: (error: unknown) => void
  /** As they are now. */
  readonly limits?: () => JournalLimits
  /** Visits kept in the traffic record. */
  readonly maxVisits?: number
}

/**
 * The journal in an LMDB environment of its own (`<stateDir>/journal`), so that its writes never wait for
 * the replica's nor hold them up. Keys are contiguous numbers in the order of commit, over all processes.
 * A killed process loses what it took in since its last write, 100 ms at most; `close` loses nothing.
 */
export class JournalStore implements JournalReader, JournalSink {
  /** What the host's workers have taken in; it has no better place to be written to by all of them. */
  readonly workers: WorkerNotes
  /** What they counted, for the same reason. */
  readonly counts: WorkerCounts
  /** What people ask the workers about their sessions; it has no better place either. */
  readonly inquiries: SessionInquiries
  readonly spool: Spool
  readonly traffic: TrafficRecord
  /** Taken up by one process a host, and read by all. */
  readonly index: JournalIndex
  readonly erasures: Erasures
  readonly #environment: Environment
  readonly #entries: TextDatabase
  readonly #meta: TextDatabase
  readonly #fold = new Fold()
  readonly #timer: NodeJS.Timeout
  #waiting: JournalEntry[] = []
  /** The batch on its way to the disk, until its transaction has it. */
  #unwritten: readonly JournalEntry[] = []
  #writing: Promise<void> | undefined
  #lost = 0
  #lostTold = 0

  private constructor(
    environment: Environment,
    private readonly options: JournalOptions,
  ) {
    this.#environment = environment
    this.#entries = environment.database('entries')
    this.#meta = environment.database('meta')
    this.workers = new WorkerNotes(environment)
    this.counts = new WorkerCounts(environment)
    this.inquiries = new SessionInquiries(environment, options.now)
    this.spool = new Spool(environment, this.#entries, this.#meta)
    this.index = new JournalIndex(environment, this.#entries, this.#meta)
    this.erasures = new Erasures(environment, this.#meta)
    this.traffic = new TrafficRecord(environment, options)
    this.#timer = setInterval(() => void this.#flush(), FLUSH_MS)
    this.#timer.unref()
  }

  /** Throws EnvironmentError when the directory cannot be opened. */
  static open(stateDir: string, options: JournalOptions): JournalStore {
    return new JournalStore(
      openEnvironment(path.join(stateDir, 'journal'), { schema: SCHEMA_VERSION, isReadAtRandom: true }),
      options,
    )
  }

  append(entry: JournalEntry): void {
    const now = this.#fold.add(bounded(entry))
    if (now) this.#push(now)
  }

  page(query: JournalQuery, before: number | null): JournalPage {
    this.#environment.refresh()
    return searchPage(this.#entries, this.index, query, before)
  }

  query(query: JournalQuery): NumberedEntry[] {
    const found: NumberedEntry[] = []
    for (let before: number | null = null; ;) {
      const { entries, next } = this.page({ ...query, limit: query.limit - found.length }, before)
      found.push(...entries)
      if (next === null || found.length >= query.limit) return found
      before = next
    }
  }

  after(
    cursor: JournalCursor | null,
    limit: number,
  ): { entries: NumberedEntry[]; cursor: JournalCursor | null } {
    const entries: NumberedEntry[] = []
    let last = cursor
    for (const { key, value } of this.#entries.getRange({ start: Number(cursor ?? 0) + 1 })) {
      if (entries.length >= limit) break
      last = String(key)
      const entry = readEntry(value)
      if (entry) entries.push({ ...entry, number: Number(key) })
    }
    return { entries, cursor: last }
  }

  /** Those from number `first` on, below `end`. */
  between(first: number, end: number): NumberedEntry[] {
    const entries: NumberedEntry[] = []
    for (const { key, value } of this.#entries.getRange({ start: first, end })) {
      const entry = readEntry(value)
      if (entry) entries.push({ ...entry, number: Number(key) })
    }
    return entries
  }

  newest(): JournalCursor | null {
    const key = newestKey(this.#entries)
    return key === 0 ? null : String(key)
  }

  /** Entries that it has. */
  size(): number {
    this.#environment.refresh()
    return entryCount(this.#entries)
  }

  /** Entries that this process lost so far. */
  get lost(): number {
    return this.#lost
  }

  /** Kept here, so that a restart of the block log neither loses nor repeats lines. */
  blockLogPosition(): BlockLogPosition | undefined {
    const text = this.#meta.get('blockLog')
    return text === undefined ? undefined : readPosition(text)
  }

  keepBlockLogPosition(position: BlockLogPosition): Promise<void> {
    return this.#environment.write(() => void this.#meta.put('blockLog', JSON.stringify(position)))
  }

  /** Forgets what is outdated, also where nothing new comes. */
  async forgetOutdated(): Promise<void> {
    await this.erasures.forgetBefore(this.options.now())
    for (;;) {
      this.#environment.refresh()
      if (this.#outdated(newestKey(this.#entries), 1).length === 0) return
      await this.#environment.write(() => this.#trim(newestKey(this.#entries), TRIM_BATCH))
    }
  }

  /** Takes out what there is of a user, and what was decided up to `at` and is not written yet: see {@link Erasures}. */
  async erase(
    user: string,
    pseudonym: string,
    at: number,
  ): Promise<{ readonly erasure: Erasure; readonly entries: number; readonly visits: number }> {
    const erasure = await this.erasures.announce(user, pseudonym, at)
    const done = await eraseUser(this, { environment: this.#environment, entries: this.#entries }, user)
    return { erasure, ...done }
  }

  /** Writes all that was taken in so far, open cases too. */
  async drain(): Promise<void> {
    for (const entry of this.#fold.due(Infinity)) this.#push(entry)
    while (this.#writing ?? (this.#waiting.length > 0 || this.traffic.isWaiting)) await this.#flush(true)
  }

  /** The same for a process that is leaving and cannot wait. */
  flushSync(): void {
    for (const entry of this.#fold.due(Infinity)) this.#push(entry)
    const entries = [...this.#unwritten, ...this.#waiting]
    if (entries.length === 0 && !this.traffic.isWaiting) return
    const visits = this.traffic.take()
    try {
      this.#environment.writeSync(() => this.#put(entries, visits))
    } catch (error) {
      this.options.onFault(error)
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.drain()
    await this.#environment.close()
  }

  #push(entry: JournalEntry): void {
    if (this.#waiting.length < MAX_WAITING) this.#waiting.push(entry)
    else this.#lost += 1
  }

  /** One batch at a time: while the disk is busy entries wait in the bounded queue alone. */
  #flush(atOnce = false): Promise<void> {
    const now = this.options.now()
    for (const entry of this.#fold.due(now)) this.#push(entry)
    if (this.#writing) return this.#writing
    const visitsWait = atOnce ? this.traffic.isWaiting : this.traffic.isDue(now)
    if (this.#waiting.length === 0 && !visitsWait) return Promise.resolve()
    const batch = this.#waiting
    this.#waiting = []
    this.#writing = this.#write(batch, this.traffic.take()).finally(() => (this.#writing = undefined))
    return this.#writing
  }

  async #write(batch: readonly JournalEntry[], visits: ReturnType<TrafficRecord['take']>): Promise<void> {
    try {
      this.#unwritten = batch
      await this.#environment.write(() => this.#put(batch, visits))
    } catch (error) {
      this.#lost += batch.length
      this.options.onFault(error)
    }
    if (this.#lost === this.#lostTold) return
    const lost = this.#lost - this.#lostTold
    this.#lostTold = this.#lost
    this.options.onFault(new Error(`journal: ${lost} entries were lost, the disk did not take them`))
  }

  #put(batch: readonly JournalEntry[], visits: ReturnType<TrafficRecord['take']>): void {
    this.#unwritten = []
    const erasures = this.erasures.all()
    const isErased = (user: string, time: number): boolean => this.erasures.isErased(erasures, user, time)
    this.traffic.put(visits.filter(({ visit }) => !isErased(visit.user, startOf(visit.bucket))))
    let key = newestKey(this.#entries)
    for (const entry of batch.filter(({ user, time }) => !isErased(user, time)))
      void this.#entries.put((key += 1), JSON.stringify(entry))
    this.#trim(key, batch.length + TRIM_BATCH)
  }

  /** Within a write transaction. */
  #trim(newest: number, limit: number): void {
    for (const number of this.#outdated(newest, limit)) void this.#entries.remove(number)
  }

  /** The oldest that are to be forgotten. Never the newest: the keys go on from it. */
  #outdated(newest: number, limit: number): number[] {
    const { maxEntries, maxAgeMs } = this.options.limits?.() ?? LIMITS
    const oldest = this.options.now() - maxAgeMs
    const outdated: number[] = []
    for (const { key, value } of this.#entries.getRange({ end: newest, limit })) {
      const number = Number(key)
      if (number > newest - maxEntries && (readEntry(value)?.time ?? -Infinity) >= oldest) break
      outdated.push(number)
    }
    return outdated
  }
}

const bounded = (entry: JournalEntry): JournalEntry => ({
  ...entry,
  user: entry.user.slice(0, MAX_TEXT),
  device: entry.device?.slice(0, MAX_TEXT) ?? null,
  rule: entry.rule?.slice(0, MAX_TEXT) ?? null,
  remote: entry.remote.slice(0, MAX_TEXT),
})
