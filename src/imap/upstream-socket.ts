import fs from 'node:fs'
import net from 'node:net'
import tls from 'node:tls'

import type { ImapConfig } from '../config/host-config'

/** Takes what the upstream sent; false: send no more until `resume`. The chunk is only valid during the call. */
export type Receiver = (chunk: Buffer) => boolean

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

/** A connection to the site's IMAP server whose receiver can be changed as the session goes on. */
export class UpstreamSocket {
  socket: net.Socket
  /** Whether chunks lie in the shared read buffer. */
  shared = true
  receiver: Receiver = () => true
  /** TCP was there; until then nothing else can be to blame. */
  connected = false

  /** Throws when the CA's file cannot be used. */
  constructor(private readonly config: ImapConfig['upstream']) {
    const { host, port } = config
    if (config.tls !== 'none') contextOf(config)
    const options = {
      host,
      port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEPALIVE_MS,
      allowHalfOpen: true,
    }
    if (config.tls === 'none') {
      const callback = (octets: number, buffer: Uint8Array): boolean =>
        this.receiver(Buffer.from(buffer.buffer, buffer.byteOffset, octets))
      this.socket = net.connect({ ...options, onread: { buffer: READ_BUFFER, callback } })
    } else {
      this.shared = false
      this.socket = net.connect(options)
    }
    this.socket.once('connect', () => (this.connected = true))
    if (config.tls === 'implicit') this.socket = this.#secured()
    else if (config.tls === 'starttls') this.#receiveData()
  }

  /** Starts TLS on the connection as it is; `onSecure` is called when the certificate was verified. */
  startTls(onSecure: () => void): void {
    this.socket.removeAllListeners('data')
    this.socket = this.#secured()
    this.socket.once('secureConnect', onSecure)
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
    this.socket = secured
    this.#receiveData()
    return secured
  }

  #receiveData(): void {
    const { socket } = this
    socket.on('data', (chunk: Buffer) => {
      if (!this.receiver(chunk)) socket.pause()
    })
  }
}
