import type net from 'node:net'

import type { ImapConfig } from '../config/host-config'
import { Roster } from '../gate/roster'
import { plainAddress } from '../identity/exempt-networks'
import type { Counts } from '../metrics/counts'
import { AddressTally, type Counted } from './address-tally'
import { clientOrigin, type ClientOrigin } from './client-origin'
import { ProxyHeaderWait } from './proxy-header-wait'
import type { ClientFacts } from './upstream-commands'

export interface IntakeDependencies {
  readonly config: () => ImapConfig
  /** Whether connections from there begin with a PROXY header. */
  readonly isProxy: (address: string) => boolean
  /** Whether it is believed whom it speaks for by ID. */
  readonly isForwarder: (address: string) => boolean
  readonly counts: Pick<Counts, 'proxyHeaderRefused'>
  readonly now: () => number
}

/** What becomes of a connection, and what the log is told. */
export interface IntakeOwner {
  /** It is known where the connection comes from, and there is room for it. */
  onConnection(socket: net.Socket, origin: ClientOrigin, counted: Counted, implicitTls: boolean): void
  onEvent(event: string): void
}

/** To whom another connection would be one too many. */
export const TOO_MANY = '[UNAVAILABLE] Too many connections; please try again later.'
const ADDRESS_LIMIT = 'limit reached: connections of one address'

/** All connections of one process: where they come from, and how many there may be. */
export class Intake {
  /** Those whose PROXY header is not there yet. */
  readonly #headers = new Roster<ProxyHeaderWait>()
  readonly #tally = new AddressTally()
  #connections = 0

  constructor(
    private readonly deps: IntakeDependencies,
    private readonly owner: IntakeOwner,
  ) {}

  accept(socket: net.Socket, localAddress: string, implicitTls: boolean): void {
    // An error is followed by `close`, which everybody concerned listens to.
    socket.on('error', ignore)
    if (this.#connections >= this.deps.config().limits.connections)
      return this.#turnAway(socket, 'limit reached: connections', implicitTls)
    const peer = {
      remoteAddress: plainAddress(socket.remoteAddress ?? ''),
      remotePort: socket.remotePort ?? 0,
      localAddress,
    }
    const counted: Counted = { address: undefined }
    const proxied = this.deps.isProxy(peer.remoteAddress)
    if (!proxied && !this.#countFor(peer, counted)) return this.#turnAway(socket, ADDRESS_LIMIT, implicitTls)
    this.#connections += 1
    socket.on('close', () => this.#released(counted))
    if (proxied) this.#awaitHeader(socket, peer, counted, implicitTls)
    else this.owner.onConnection(socket, clientOrigin(peer, this.deps.now()), counted, implicitTls)
  }

  /** A connection counts for another client from now on; false: that has too many. */
  recount(counted: Counted, client: ClientFacts): boolean {
    const done = this.#countFor(client, counted)
    if (!done) this.owner.onEvent(ADDRESS_LIMIT)
    return done
  }

  /** Ends those whose PROXY header does not come. */
  sweep(now: number): void {
    for (const header of this.#headers) {
      if (header.isOverdue(now)) header.refuse('late')
    }
  }

  close(): void {
    for (const header of this.#headers) header.refuse(undefined)
  }

  /** A forwarder's own connections have no limit but that of all. */
  #countFor({ remoteAddress }: ClientFacts, counted: Counted): boolean {
    const limit = this.deps.isForwarder(remoteAddress) ? Infinity : this.deps.config().limits.perAddress
    return this.#tally.count(counted, remoteAddress, limit)
  }

  #released(counted: Counted): void {
    this.#connections -= 1
    this.#tally.release(counted)
  }

  #awaitHeader(socket: net.Socket, peer: ClientFacts, counted: Counted, implicitTls: boolean): void {
    const since = this.deps.now()
    const wait = new ProxyHeaderWait(socket, since + this.deps.config().limits.loginS * 1000, {
      onHeader: (client) => {
        this.#headers.delete(wait)
        // A connection of the proxy's own, such as a health check, counts for nobody.
        if (client !== null && !this.#countFor(client, counted))
          return this.#turnAway(socket, ADDRESS_LIMIT, implicitTls)
        this.owner.onConnection(socket, clientOrigin(peer, since, client), counted, implicitTls)
        if (!implicitTls) socket.resume()
      },
      onRefused: (problem) => {
        this.#headers.delete(wait)
        if (problem === undefined) return
        this.deps.counts.proxyHeaderRefused(problem)
        this.owner.onEvent(`PROXY header refused: ${problem}`)
      },
    })
    this.#headers.add(wait)
  }

  #turnAway(socket: net.Socket, limit: string, implicitTls: boolean): void {
    this.owner.onEvent(limit)
    if (implicitTls) socket.destroy()
    else {
      socket.end(`* BYE ${TOO_MANY}\r\n`)
      socket.destroySoon()
    }
  }
}

const ignore = (): void => undefined
