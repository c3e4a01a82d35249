import dns from 'node:dns'
import type { LookupFunction } from 'node:net'

/** The system's resolver tells no time to live, and asks the network or not, as it is set up. */
const MAX_AGE_MS = 5000

type Answer = Parameters<Parameters<LookupFunction>[2]>

/**
 * Looks up the one name that an upstream has, and knows the answer for some seconds: a look-up goes through a
 * thread and costs a sixth of a login. What could not be looked up is asked again at once.
 */
export class NameCache {
  #question = ''
  #answer: Answer | undefined
  #until = -Infinity

  constructor(
    private readonly lookup: LookupFunction = dns.lookup,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** For `net.connect`. */
  readonly find: LookupFunction = (hostname, options, callback) => {
    const question = `${hostname} ${JSON.stringify(options)}`
    const answer = this.#answer
    if (answer && question === this.#question && this.now() < this.#until) {
      process.nextTick(callback, ...answer)
      return
    }
    this.lookup(hostname, options, (...found) => {
      const [error] = found
      this.#question = question
      this.#answer = error ? undefined : found
      this.#until = this.now() + MAX_AGE_MS
      callback(...found)
    })
  }
}
