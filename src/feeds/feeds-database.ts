import { hash } from 'node:crypto'
import path from 'node:path'

import { formatDeviceRecord } from '../devices/record'
import { readDevice } from '../devices/stored'
import { unlessDamaged } from '../devices/unless-damaged'
import { entryCount, openEnvironment, type Environment, type TextDatabase } from '../lmdb/environment'
import type { DeviceRecord } from '../policy/device'

/** Grows with each change of what is stored and how. */
const SCHEMA_VERSION = 1
/** How long an event is known by its id, and how many of them; a week is longer than a source tries again. */
export const EVENT_MS = 7 * 86_400_000
const MAX_EVENTS = 1_000_000
/** Of all feeds together. Beyond it a record is left to the sweep that brings it again. */
const MAX_ASIDE = 1_000_000

/**
 * What the feeds of this host keep over restarts, at `<stateDir>/feeds`: how far they came, records set aside while a
 * feed is held, and ids of events. Losing it costs a sweep, and the records set aside come again with it.
 */
export class FeedsDatabase {
  readonly #state: TextDatabase
  readonly #aside: TextDatabase
  readonly #events: TextDatabase
  readonly #eventTimes: TextDatabase

  private constructor(
    private readonly environment: Environment,
    private readonly maxEvents: number,
  ) {
    this.#state = environment.database('state')
    this.#aside = environment.database('aside')
    this.#events = environment.database('events')
    this.#eventTimes = environment.database('eventTimes')
  }

  /** Opens or makes it; throws EnvironmentError when it cannot or may not. */
  static open(stateDir: string, maxEvents = MAX_EVENTS): FeedsDatabase {
    return new FeedsDatabase(
      openEnvironment(path.join(stateDir, 'feeds'), { schema: SCHEMA_VERSION }),
      maxEvents,
    )
  }

  state(feed: string, key: string): string | undefined {
    return this.#state.get([feed, key])
  }

  /** undefined takes it away. */
  async keep(feed: string, values: Readonly<Record<string, string | undefined>>): Promise<void> {
    await this.write(() => this.put(feed, values))
  }

  /** The same inside a write transaction. */
  put(feed: string, values: Readonly<Record<string, string | undefined>>): void {
    for (const [key, value] of Object.entries(values)) {
      if (value === undefined) void this.#state.remove([feed, key])
      else void this.#state.put([feed, key], value)
    }
  }

  /** Sees what another process has committed. */
  refresh(): void {
    this.environment.refresh()
  }

  write<T>(work: () => T): Promise<T> {
    return this.environment.write(work)
  }

  /** A damaged one is none: the sweep brings it again. */
  aside(source: string, id: string): DeviceRecord | undefined {
    const text = this.#aside.get([source, id])
    return text === undefined ? undefined : unlessDamaged(() => readDevice(id, text))
  }

  /** Inside a write transaction; null takes one away. Gives how many there was no room for. */
  putAsides(source: string, records: ReadonlyMap<string, DeviceRecord | null>): number {
    let refused = 0
    let room = MAX_ASIDE - entryCount(this.#aside)
    for (const [id, record] of records) {
      const key = [source, id]
      if (!record) void this.#aside.remove(key)
      else if (room > 0 || this.#aside.get(key) !== undefined) {
        void this.#aside.put(key, JSON.stringify(formatDeviceRecord(record)))
        room -= 1
      } else refused += 1
    }
    return refused
  }

  asideCount(source: string): number {
    this.environment.refresh()
    return this.#aside.getKeysCount(rangeOf(source))
  }

  /** Some of the records set aside; damaged ones are left out, and taken away with the others. */
  asides(source: string, limit: number): { readonly ids: string[]; readonly records: DeviceRecord[] } {
    const found = [...this.#aside.getRange({ ...rangeOf(source), limit })]
    const ids = found.map(({ key }) => String([key].flat()[1]))
    const records = found.flatMap(
      ({ value }, index) => unlessDamaged(() => readDevice(ids[index] ?? '', value)) ?? [],
    )
    return { ids, records }
  }

  /** Whether an event of a feed was noted in the last week. */
  isKnown(feed: string, event: string, now: number): boolean {
    const at = this.#events.get([feed, eventKey(event)])
    return at !== undefined && Number(at) > now - EVENT_MS
  }

  /** Inside a write transaction. The oldest go when there are too many of them, or they are too old. */
  noteEvents(events: readonly { readonly feed: string; readonly event: string }[], now: number): void {
    for (const { feed, event } of events) {
      const key = eventKey(event)
      const former = this.#events.get([feed, key])
      if (former !== undefined) void this.#eventTimes.remove([Number(former), feed, key])
      void this.#events.put([feed, key], String(now))
      void this.#eventTimes.put([now, feed, key], '')
    }
    const surplus = entryCount(this.#events) - this.maxEvents
    const oldest = [...this.#eventTimes.getKeys({ limit: 2 * events.length + Math.max(0, surplus) })]
    oldest.forEach((key, index) => {
      const [at, ...event] = [key].flat()
      if (index >= surplus && Number(at) > now - EVENT_MS) return
      void this.#eventTimes.remove(key)
      void this.#events.remove(event)
    })
  }

  /** Takes away all that is kept for a feed; in steps, since it may be a million records. */
  async forget(feed: string): Promise<void> {
    for (const database of [this.#state, this.#aside, this.#events]) {
      for (;;) {
        const keys = [...database.getKeys({ ...rangeOf(feed), limit: FORGET_STEP })]
        if (keys.length === 0) break
        await this.write(() => keys.forEach((key) => void database.remove(key)))
      }
    }
  }

  close(): Promise<void> {
    return this.environment.close()
  }
}

const FORGET_STEP = 10_000

const rangeOf = (feed: string): { start: string[]; end: string[] } => ({
  start: [feed, ''],
  end: [feed, '\uffff\uffff'],
})

/** Ids of events are of any length. */
const eventKey = (event: string): string => hash('sha256', event, 'base64url').slice(0, 22)
