import fs from 'node:fs'
import type net from 'node:net'
import tls from 'node:tls'

import { readTextFile, watchFile, type FileWatcher } from '../config/file-watcher'

/** A handshake needs memory and never that long: at more than this at once the oldest has to go. */
const MAX_HANDSHAKES = 500
const HANDSHAKE_MS = 30_000

interface Handshake {
  readonly socket: net.Socket
  readonly then: (secured: tls.TLSSocket) => void
}

export interface TlsFiles {
  readonly cert: string
  readonly key: string
  /** The CA of device certificates; null: none are asked for. */
  readonly clientCa: string | null
}

/**
 * Server-side TLS for connections that others accepted: STARTTLS and implicit TLS go through one door. Its files are
 * read again when they change.
 */
export class TlsFront {
  readonly #server: tls.Server
  /** Handshakes under way, oldest first. */
  readonly #waiting = new Map<string, Handshake>()
  readonly #watchers: FileWatcher[]

  /** Throws when the files are no usable certificate and key. */
  constructor(
    private readonly files: TlsFiles,
    private readonly onProblem: (problem: string) => void,
  ) {
    this.#server = tls.createServer({
      ...this.#context(),
      requestCert: files.clientCa !== null,
      // A client without a device certificate may still come in; only `authorized` ones prove a device.
      rejectUnauthorized: false,
      handshakeTimeout: HANDSHAKE_MS,
    })
    this.#server.on('secureConnection', (secured) => {
      secured.on('error', () => secured.destroy())
      const key = connectionKey(secured)
      const handshake = this.#waiting.get(key)
      this.#waiting.delete(key)
      secured.allowHalfOpen = true
      if (handshake) handshake.then(secured)
      else secured.destroy()
    })
    this.#server.on('tlsClientError', (_error, secured) => secured.destroy())
    const reload = (): void => {
      try {
        this.#server.setSecureContext(this.#context())
      } catch {
        onProblem('the new certificate cannot be used; the old one stays')
      }
    }
    const named = [files.cert, files.key, ...(files.clientCa === null ? [] : [files.clientCa])]
    this.#watchers = named.map((file) => watchFile(file, readTextFile(file), reload))
  }

  /** Starts the handshake; `then` is called when it succeeded, else the socket is closed. */
  accept(socket: net.Socket, then: (secured: tls.TLSSocket) => void): void {
    const [oldest] = this.#waiting.size < MAX_HANDSHAKES ? [] : this.#waiting
    if (oldest) {
      this.#waiting.delete(oldest[0])
      oldest[1].socket.destroy()
      this.onProblem('limit reached: TLS handshakes')
    }
    const key = connectionKey(socket)
    this.#waiting.set(key, { socket, then })
    socket.once('close', () => this.#waiting.delete(key))
    // A client that ends its side in mid-handshake has gone away.
    socket.allowHalfOpen = false
    this.#server.emit('connection', socket)
  }

  close(): void {
    for (const watcher of this.#watchers) watcher.close()
  }

  #context(): tls.SecureContextOptions {
    const { cert, key, clientCa } = this.files
    return {
      cert: fs.readFileSync(cert),
      key: fs.readFileSync(key),
      ...(clientCa !== null && { ca: fs.readFileSync(clientCa) }),
    }
  }
}

/** TCP names a connection by its four ends. */
const connectionKey = (socket: net.Socket): string =>
  [socket.remoteAddress, socket.remotePort, socket.localAddress, socket.localPort].join('|')
