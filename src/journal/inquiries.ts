import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Environment, TextDatabase } from '../lmdb/environment'

/** Whose sessions are asked for. */
export interface SessionSubject {
  readonly kind: 'user' | 'device'
  readonly id: string
}

/** The open sessions of one user on one device, in one or all workers of a host. */
export interface OpenSessions {
  readonly user: string
  /** null: none was proven. */
  readonly device: string | null
  readonly count: number
  /** When the oldest began. Epoch milliseconds. */
  readonly since: number
}

/** A question that a worker has not answered yet. */
export interface Inquiry {
  readonly id: string
  readonly subject: SessionSubject
}

/** Workers look for questions four times a second. */
const PATIENCE_MS = 2000
const LOOK_MS = 25
/** Whoever asked is gone by then. */
const OUTDATED_MS = 60_000
/** Answered in one go; nobody else has to wait long for more. */
const MAX_ANSWERED = 16

/**
 * Questions to the workers of a host, which alone know their sessions: a list of all sessions would have to be written
 * all the time, to be read by nobody most of the time. Asked by any process, answered within a second.
 */
export class SessionInquiries {
  readonly #inquiries: TextDatabase

  constructor(
    private readonly environment: Environment,
    private readonly now: () => number,
  ) {
    this.#inquiries = environment.database('inquiries')
  }

  /** What the workers `pids` answer; null: one of them does not. */
  async ask(subject: SessionSubject, pids: readonly number[]): Promise<OpenSessions[] | null> {
    if (pids.length === 0) return []
    const id = randomUUID()
    const outdated = this.#outdated()
    await this.environment.write(() => {
      for (const key of outdated) void this.#inquiries.remove(key)
      void this.#inquiries.put([QUESTION, id], JSON.stringify({ subject, at: this.now() }))
    })
    const answers = await this.#answers(id, pids)
    await this.environment.write(() => {
      for (const key of [[QUESTION, id], ...pids.map((pid) => [ANSWER, id, pid])])
        void this.#inquiries.remove(key)
    })
    return answers && together(answers)
  }

  /** What `pid` has not answered yet. */
  waiting(pid: number): Inquiry[] {
    this.environment.refresh()
    const questions = this.#inquiries.getRange({
      start: [QUESTION],
      end: [QUESTION, LAST],
      limit: MAX_ANSWERED,
    })
    return [...questions].flatMap(({ key, value }) => {
      const id = idIn(key)
      const question = questionIn(value)
      return question && this.#inquiries.get([ANSWER, id, pid]) === undefined
        ? [{ id, subject: question.subject }]
        : []
    })
  }

  /** Leaves nothing behind where whoever asked is gone. */
  async answer(pid: number, { id }: Inquiry, sessions: readonly OpenSessions[]): Promise<void> {
    await this.environment.write(() => {
      if (this.#inquiries.get([QUESTION, id]) !== undefined)
        void this.#inquiries.put([ANSWER, id, pid], JSON.stringify(sessions))
    })
  }

  async #answers(id: string, pids: readonly number[]): Promise<OpenSessions[][] | null> {
    const deadline = performance.now() + PATIENCE_MS
    for (;;) {
      this.environment.refresh()
      const texts = pids.flatMap((pid) => this.#inquiries.get([ANSWER, id, pid]) ?? [])
      if (texts.length === pids.length) return texts.map((text) => JSON.parse(text) as OpenSessions[])
      if (performance.now() > deadline) return null
      await sleep(LOOK_MS)
    }
  }

  #outdated(): Key[] {
    const oldest = this.now() - OUTDATED_MS
    const questions = this.#inquiries.getRange({ start: [QUESTION], end: [QUESTION, LAST] })
    return [...questions].flatMap(({ key, value }): Key[] => {
      if ((questionIn(value)?.at ?? -Infinity) >= oldest) return []
      const id = idIn(key)
      return [key, ...this.#inquiries.getKeys({ start: [ANSWER, id], end: [ANSWER, id, Infinity] })]
    })
  }
}

type Key = string | number | (string | number)[]

const idIn = (key: Key): string => String([key].flat()[1])

interface Question {
  readonly subject: SessionSubject
  readonly at: number
}

/** undefined: damaged. */
function questionIn(text: string): Question | undefined {
  try {
    return JSON.parse(text) as Question
  } catch {
    return undefined
  }
}

const QUESTION = 'question'
const ANSWER = 'answer'
/** After every id. */
const LAST = '~'

/** Of all workers the sessions of one user and device as one. */
function together(answers: readonly (readonly OpenSessions[])[]): OpenSessions[] {
  const found = new Map<string, OpenSessions>()
  for (const one of answers.flat()) {
    const key = JSON.stringify([one.user, one.device])
    const former = found.get(key)
    found.set(key, {
      ...one,
      count: one.count + (former?.count ?? 0),
      since: Math.min(one.since, former?.since ?? Infinity),
    })
  }
  return [...found.values()]
}
