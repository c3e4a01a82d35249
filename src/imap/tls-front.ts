import fs from 'node:fs'
import type net from 'node:net'
import tls from 'node:tls'

import { readTextFile, watchFile, type FileWatcher } from '../config/file-watcher'

/** TLS handshakes cost CPU: more than this at once are turned away. */
const MAX_HANDSHAKES = 500
const HANDSHAKE_MS = 30_000

export interface TlsFiles {
  readonly cert: string
  readonly key: string
  /** The CA of device certificates; null: none are asked for. */
  readonly clientCa: string | null
}

/** Server-side TLS for connections that others accepted: STARTTLS and implicit TLS go through one door. */
export class TlsFront {
  readonly #server: tls.Server
  readonly #waiting = new Map<string, (secured: tls.TLSSocket) => void>()
  readonly #watchers: FileWatcher[]

  /** Throws when the files are no usable certificate and key. */
  constructor(
    private readonly files: TlsFiles,
    onReloadProblem: (error: unknown) => void,
  ) {
    this.#server = tls.createServer({
      ...this.#context(),
      requestCert: files.clientCa !== null,
      // A client without a device certificate may still come in; only `authorized` ones prove a device.
      rejectUnauthorized: false,
      handshakeTimeout: HANDSHAKE_MS,
      allowHalfOpen: true,
    } as tls.TlsOptions)
    this.#server.on('secureConnection', (secured) => {
      secured.on('error', () => secured.destroy())
      const key = connectionKey(secured)
      const then = this.#waiting.get(key)
      this.#waiting.delete(key)
      if (then) then(secured)
      else secured.destroy()
    })
    this.#server.on('tlsClientError', (_error, secured) => secured.destroy())
    const reload = (): void => {
      try {
        this.#server.setSecureContext(this.#context())
      } catch (error) {
        onReloadProblem(error)
      }
    }
    const named = [files.cert, files.key, ...(files.clientCa === null ? [] : [files.clientCa])]
    this.#watchers = named.map((file) => watchFile(file, readTextFile(file), reload))
  }

  /** Starts the handshake; false when too many are under way. `then` is called when it succeeded. */
  accept(socket: net.Socket, then: (secured: tls.TLSSocket) => void): boolean {
    if (this.#waiting.size >= MAX_HANDSHAKES) return false
    const key = connectionKey(socket)
    this.#waiting.set(key, then)
    socket.once('close', () => this.#waiting.delete(key))
    this.#server.emit('connection', socket)
    return true
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
