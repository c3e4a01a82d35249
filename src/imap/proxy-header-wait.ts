import type net from 'node:net'

import type { Listed } from '../gate/roster'
import type { ProxyHeaderProblem } from '../metrics/words'
import { MAX_PROXY_HEADER_OCTETS, readProxyHeader, type ProxiedClient } from './proxy-header'

/** Told once what became of it. */
export interface ProxyHeaderWatcher {
  /** The header is there. The socket is paused; what it gives next stood behind the header. */
  onHeader(client: ProxiedClient | null): void
  /** There is none, and the socket is closed. undefined: it was closed before anything came. */
  onRefused(problem: ProxyHeaderProblem | undefined): void
}

/** A connection of a proxy until its PROXY header is there. Nothing is said on it. */
export class ProxyHeaderWait implements Listed {
  place = -1
  #octets = Buffer.alloc(0)
  #over = false

  constructor(
    private readonly socket: net.Socket,
    /** When it comes too late. */
    private readonly deadline: number,
    private readonly watcher: ProxyHeaderWatcher,
  ) {
    socket.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onEnd)
  }

  isOverdue(now: number): boolean {
    return now >= this.deadline
  }

  /** Closes the connection. */
  refuse(problem: ProxyHeaderProblem | undefined): void {
    if (this.#over) return
    this.#leave()
    this.socket.destroy()
    this.watcher.onRefused(problem)
  }

  readonly #onEnd = (): void => this.refuse(this.#octets.length > 0 ? 'incomplete' : undefined)

  readonly #onData = (chunk: Buffer): void => {
    const before = this.#octets.length
    this.#octets = Buffer.concat([this.#octets, chunk.subarray(0, MAX_PROXY_HEADER_OCTETS - before)])
    const reading = readProxyHeader(this.#octets)
    if (reading.kind === 'incomplete') return
    // Behind the header there may be a password; the rest of the chunk is the session's to overwrite.
    this.#octets.fill(0)
    if (reading.kind === 'refused') return this.refuse(reading.problem)
    this.#leave()
    this.socket.pause()
    const rest = chunk.subarray(reading.octets - before)
    if (rest.length > 0) this.socket.unshift(rest)
    this.watcher.onHeader(reading.client)
  }

  #leave(): void {
    this.#over = true
    this.socket.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onEnd)
  }
}
