import fs from 'node:fs'
import net from 'node:net'
import tls from 'node:tls'

import type { ImapConfig } from '../config/host-config'
import { listenFor, type ConnectionOwner } from './connection'
import { NameCache } from './name-cache'

export const READ_OCTETS = 64 * 1024
const KEEPALIVE_MS = 120_000

/**
 * One read buffer for all upstream sockets of the process, so that an idle session needs none. Node gives a
 * socket its buffer for the *next* read at the end of the last one: whatever is read into it lies there only
 * until any other socket reads, and must be copied to outlast the call.
 */
const READ_BUFFER = Buffer.allocUnsafeSlow(READ_OCTETS)

/**
 * The TLS settings of a config, made once: a login reads no file. A failed handshake drops them, so that a CA
 * file that was changed is read then.
 */
const contexts = new WeakMap<ImapConfig['upstream'], tls.SecureContext>()

function contextOf(config: ImapConfig['upstream']): tls.SecureContext {
  const known = contexts.get(config)
  if (known) return known
  const context = tls.createSecureContext(config.ca === null ? {} : { ca: fs.readFileSync(config.ca) })
  contexts.set(config, context)
  return context
}

const names = new NameCache()

/** A connection to the site's IMAP server, whose owner can change as the session goes on. */
export class UpstreamSocket {
  socket: net.Socket
  /** Whether chunks lie in the shared read buffer. */
  readonly shared: boolean
  /** TCP was there; until then nothing else can be to blame. */
  connected = false
  #owner: ConnectionOwner | undefined
  /** What came while nobody owned it; no more is read then. */
  #held: Buffer | undefined

  /** Throws when the CA's file cannot be used. */
  constructor(private readonly config: ImapConfig['upstream']) {
    const { host, port, tls: security } = config
    if (security !== 'none') contextOf(config)
    this.shared = security === 'none'
    const callback = (octets: number): boolean => this.#received(READ_BUFFER.subarray(0, octets))
    const onread = this.shared ? { buffer: READ_BUFFER, callback } : undefined
    this.socket = new net.Socket({ allowHalfOpen: true, onread } as net.SocketConstructorOpts)
    this.socket.setNoDelay(true)
    this.socket.setKeepAlive(true, KEEPALIVE_MS)
    this.socket.connect({ host, port, lookup: names.find })
    this.socket.on('connect', () => (this.connected = true))
    if (security === 'implicit') this.socket = this.#secured()
    this.#listen()
  }

  /** From here on `owner` is told, beginning with what came while nobody was. */
  handTo(owner: ConnectionOwner): void {
    this.#owner = owner
    const held = this.#held
    this.#held = undefined
    if (held && owner.onData(held)) this.socket.resume()
  }

  /** Until it is handed to the next owner, nothing is read, and nothing lost. */
  leave(): void {
    this.#owner = undefined
  }

  /** Starts TLS on the connection as it is; `onSecure` is called when the certificate was verified. */
  startTls(onSecure: () => void): void {
    this.socket.removeAllListeners('data')
    this.socket = this.#secured()
    this.socket.once('secureConnect', onSecure)
    this.#listen()
  }

  #secured(): tls.TLSSocket {
    const { host } = this.config
    const secured = tls.connect({
      socket: this.socket,
      ...(net.isIP(host) === 0 && { servername: host }),
      host,
      secureContext: contextOf(this.config),
      allowHalfOpen: true,
    } as tls.ConnectionOptions)
    this.socket.on('error', () => secured.destroy())
    secured.on('error', () => {
      if (!secured.authorized) contexts.delete(this.config)
    })
    return secured
  }

  /** Events of a connection that went over to TLS are no longer its owner's business. */
  #listen(): void {
    const { socket } = this
    listenFor(socket, () => (socket === this.socket ? this.#owner : undefined))
    if (this.shared) return
    socket.on('data', (chunk: Buffer) => {
      if (!this.#received(chunk)) socket.pause()
    })
  }

  #received(chunk: Buffer): boolean {
    if (this.#owner) return this.#owner.onData(chunk)
    this.#held = Buffer.from(chunk)
    return false
  }
}
