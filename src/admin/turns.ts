import { Problem } from './problem'

/** Lets so many at once do work that takes long, and so many others wait for their turn. */
export class Turns {
  #running = 0
  readonly #waiting: (() => void)[] = []

  constructor(
    private readonly what: string,
    private readonly atOnce: number,
    private readonly mayWait: number,
  ) {}

  /** Throws Problem 503 when too many wait already, and what `signal` was aborted with. */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.enter(signal)
    try {
      return await work()
    } finally {
      this.leave()
    }
  }

  /** Whoever enters has to leave. */
  async enter(signal: AbortSignal): Promise<void> {
    if (this.#running < this.atOnce) {
      this.#running += 1
      return
    }
    if (this.#waiting.length >= this.mayWait)
      throw new Problem(503, 'busy', `${this.what} is under way for others: try again in a moment`)
    await new Promise<void>((resolve, reject) => {
      const gone = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(start), 1)
        reject(signal.reason as Error)
      }
      const start = (): void => {
        signal.removeEventListener('abort', gone)
        resolve()
      }
      signal.addEventListener('abort', gone, { once: true })
      this.#waiting.push(start)
    })
  }

  /** Who waited longest goes on in the place of who leaves. */
  leave(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#running -= 1
  }
}
