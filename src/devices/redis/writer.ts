import { randomBytes } from 'node:crypto'

import type { Cursor } from './cursor'
import type { StoreKeys } from './keys'
import type { RedisLink } from './link'
import { parseEntry } from './log-entry'
import { StoreProblem } from './problem'
import { readHead } from './reading'
import { runScript, WRITE_SCRIPT } from './scripts'

/** What a write did to the store. */
export interface Written {
  readonly epoch: string
  /** The newest entry of the log once it was done. */
  readonly n: number
  /** Names the history that ends there. */
  readonly tip: string
  /** What became of each operation, in the script's words. */
  readonly outcomes: readonly string[]
  /** It was sent more than once, and an earlier try may have done it. */
  readonly repeated: boolean
}

/** One operation with its arguments, as the write script takes them. */
export type WriteOperation = readonly string[]

/** Operations in one run of the script: about 2 ms of the server's time. */
const MAX_OPERATIONS = 200
/** What may wait; a caller beyond it is refused. */
const MAX_WAITING = 20_000
/** A failover takes some seconds: a write waits for it. */
const PATIENCE_MS = 8000
const RETRY_MS = 100
/** The newest changes are kept in the log up to about this size; a host that is further behind takes a snapshot. */
const LOG_OCTETS = 128 * 1024 * 1024

interface Waiting {
  readonly operations: readonly WriteOperation[]
  readonly resolve: (written: Written) => void
  readonly reject: (error: unknown) => void
}

/**
 * Writes to the store one batch at a time, in the order asked for; what is asked for while a batch is under way goes
 * into the next one, so that a storm of single records is few writes.
 */
export class StoreWriter {
  readonly #waiting: Waiting[] = []
  #waitingCount = 0
  #busy = false

  constructor(
    private readonly link: RedisLink,
    private readonly keys: StoreKeys,
    /** The host's name in the log. */
    private readonly by: string,
    /** The epoch of the store that this host follows, if it does. */
    private readonly knownEpoch: () => string | undefined,
  ) {}

  /** Does all `operations` (200 at most) in one transaction. Rejects with {@link StoreProblem}. */
  write(operations: readonly WriteOperation[]): Promise<Written> {
    if (operations.length > MAX_OPERATIONS)
      throw new RangeError(`more than ${MAX_OPERATIONS} operations at once`)
    if (this.#waitingCount + operations.length > MAX_WAITING) {
      return Promise.reject(new StoreProblem('not_ready', 'too many writes wait for the store already'))
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ operations, resolve, reject })
      this.#waitingCount += operations.length
      void this.#drain()
    })
  }

  /** What became of a write that this host does not hold; `there` also where it cannot be told. */
  async fateOf({ epoch, n, tip }: Cursor): Promise<'there' | 'lost' | 'store gone'> {
    try {
      return await this.link.run(async (client) => {
        const head = await readHead(client, this.keys)
        if (head.epoch !== epoch) return 'store gone'
        if (head.n < n) return 'lost'
        const [found] = await client.xrange(this.keys.log, `${n}-0`, `${n}-0`)
        const there = found && parseEntry(...found)
        return there === undefined || there.tip === tip ? 'there' : 'lost'
      })
    } catch (error) {
      if (error instanceof StoreProblem) return 'there'
      throw error
    }
  }

  async #drain(): Promise<void> {
    if (this.#busy) return
    this.#busy = true
    while (this.#waiting.length > 0) {
      const batch = this.#nextBatch()
      try {
        const { outcomes, ...written } = await this.#send(batch.flatMap(({ operations }) => operations))
        let from = 0
        for (const { operations, resolve } of batch) {
          resolve({ ...written, outcomes: outcomes.slice(from, from + operations.length) })
          from += operations.length
        }
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    this.#busy = false
  }

  #nextBatch(): Waiting[] {
    const batch: Waiting[] = []
    let count = 0
    for (;;) {
      const next = this.#waiting[0]
      if (!next || (batch.length > 0 && count + next.operations.length > MAX_OPERATIONS)) break
      batch.push(next)
      count += next.operations.length
      this.#waiting.shift()
    }
    this.#waitingCount -= count
    return batch
  }

  async #send(operations: readonly WriteOperation[]): Promise<Written> {
    const end = performance.now() + PATIENCE_MS
    let repeated = false
    for (;;) {
      try {
        return { ...(await this.#run(operations)), repeated }
      } catch (error) {
        if (!(error instanceof StoreProblem)) throw error
        if (!error.passes || performance.now() + RETRY_MS > end) throw refusal(error, repeated)
        repeated ||= error.maybeDone
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
      }
    }
  }

  async #run(operations: readonly WriteOperation[]): Promise<Omit<Written, 'repeated'>> {
    const { meta, devices, policies, overrides, notes, history, log } = this.keys
    const reply = (await this.link.run((client) =>
      runScript(
        client,
        WRITE_SCRIPT,
        [meta, devices, policies, overrides, notes, history, log],
        [this.knownEpoch() ?? '', freshEpoch(), this.by, LOG_OCTETS, ...operations.flat()],
      ),
    )) as string[]
    const [n = '', epoch = '', tip = '', ...outcomes] = reply
    return { n: Number(n), epoch, tip, outcomes }
  }
}

const freshEpoch = (): string => randomBytes(8).toString('hex')

const refusal = (problem: StoreProblem, repeated: boolean): StoreProblem =>
  new StoreProblem(
    problem.kind,
    repeated || problem.maybeDone
      ? `${problem.message}; the write may have been done all the same: look before you repeat it`
      : `${problem.message}; nothing was written`,
    repeated || problem.maybeDone,
  )
