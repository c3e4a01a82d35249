import net from 'node:net'
import tls from 'node:tls'

import type { ListenAddress } from '../config/host-config'

const PATIENCE_MS = 2000
const GREETING = '* OK '

/** Whether a client that connects to `address` of this host is greeted, as opposed to waiting or being turned away. */
export function isGreeted({ host, port }: ListenAddress, implicitTls: boolean): Promise<boolean> {
  const target = { host: LOOPBACK[host] ?? host, port }
  return new Promise((resolve) => {
    // It is our own certificate, for a name that this host need not have.
    const socket = implicitTls ? tls.connect({ ...target, rejectUnauthorized: false }) : net.connect(target)
    let said = ''
    const timer = setTimeout(() => socket.destroy(), PATIENCE_MS)
    socket.on('data', (chunk: Buffer) => {
      said += chunk.toString('latin1')
      if (said.length >= GREETING.length) socket.destroy()
    })
    // An error and an end are followed by it.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(said.startsWith(GREETING))
    })
  })
}

/** Where a listener on all addresses is reached. */
const LOOPBACK: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }
