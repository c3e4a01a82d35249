import type net from 'node:net'

/** Who a connection's events go to; it changes as a session goes on. */
export interface ConnectionOwner {
  /** Takes what came; false: read no more until `resume`. The chunk is only valid during the call. */
  onData(chunk: Buffer): boolean
  /** All that was written has gone out, after a write that did not at once. */
  onDrain(): void
  onEnd(): void
  onClose(): void
}

/**
 * Tells the owner of the moment what happens on a connection, but for its data. These listeners stay for the
 * connection's life. They are written where they are used: V8 makes a function that is written into a property
 * (`this.onEnd = () => ...`) in the old generation, and there it keeps the whole session, long ended, through
 * the collections of the young one.
 */
export function listenFor(socket: net.Socket, owner: () => ConnectionOwner | undefined): void {
  // An error is followed by `close`.
  socket.on('error', ignore)
  socket.on('drain', () => owner()?.onDrain())
  socket.on('end', () => owner()?.onEnd())
  socket.on('close', () => owner()?.onClose())
}

const ignore = (): void => undefined

/** A client's connection. What comes while nobody owns it is dropped. */
export class ClientConnection {
  constructor(
    readonly socket: net.Socket,
    public owner: ConnectionOwner | undefined,
  ) {
    listenFor(socket, () => this.owner)
    socket.on('data', (chunk: Buffer) => {
      if (this.owner?.onData(chunk) === false) socket.pause()
    })
  }

  /** The connection goes over to TLS: what comes on it is not for us to read. */
  release(): void {
    this.owner = undefined
    this.socket.removeAllListeners('data')
  }
}
