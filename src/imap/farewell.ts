import type net from 'node:net'

/** What a client still sends is read and dropped, for so long and so much: a reset would take our words away. */
const LINGER_MS = 2000
const MAX_DROPPED_OCTETS = 1024 * 1024

/**
 * Says the last words and ends the connection, at the latest when the client had its time to read them. The
 * connection must have no owner any more.
 */
export function farewell(socket: net.Socket, words: string): void {
  socket.end(words, 'latin1')
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  let dropped = 0
  socket.on('data', (chunk: Buffer) => {
    dropped += chunk.length
    if (dropped > MAX_DROPPED_OCTETS) socket.destroy()
  })
  socket.once('close', () => clearTimeout(timer))
  socket.resume()
}
