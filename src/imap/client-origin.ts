import { isLoopback } from '../identity/exempt-networks'
import type { ProxiedClient } from './proxy-header'
import type { ClientFacts } from './upstream-commands'

/** Where a session comes from, by its connection and by the proxies that are believed. */
export interface ClientOrigin {
  /** The far end of the connection: its peer, or whom the PROXY header names. */
  readonly connection: ClientFacts
  /** Whom the gate goes by: the same, or whom an IMAP proxy there says it speaks for. */
  client: ClientFacts
  /** The proxy in front had TLS with the client. */
  readonly encrypted: boolean
  /** What is said goes over no network. */
  readonly onThisHost: boolean
  /** When the connection came, in milliseconds since 1970. */
  readonly since: number
}

/** Of a connection whose peer nobody has to be believed about; `proxied`: what its PROXY header told. */
export function clientOrigin(
  peer: ClientFacts,
  since: number,
  proxied: ProxiedClient | null = null,
): ClientOrigin {
  const connection = proxied ?? peer
  return {
    connection,
    client: connection,
    encrypted: proxied?.encrypted ?? false,
    // A loopback address that a proxy on another host names is that host's.
    onThisHost: isLoopback(peer.remoteAddress) && isLoopback(connection.remoteAddress),
    since,
  }
}
