import type { X509Certificate } from 'node:crypto'
import net from 'node:net'

/**
 * Whether a Host header names this server: a page of another site whose name was made to lead here (DNS rebinding)
 * sends its own. Names are the address it listens on, localhost there, and what its certificate is for.
 */
export function isOwnHost(
  header: string | undefined,
  listenHost: string,
  certificate: X509Certificate | undefined,
): boolean {
  const name = hostName(header ?? '')
  if (name === undefined) return false
  if (name === listenHost.toLowerCase()) return true
  if (isLoopback(listenHost) && isLoopback(name)) return true
  return (net.isIP(name) ? certificate?.checkIP(name) : certificate?.checkHost(name)) !== undefined
}

/** `name`, `name:port`, `[v6]:port`, without the port. */
function hostName(header: string): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(header)
  return (match?.[1] ?? match?.[2])?.toLowerCase()
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (net.isIPv4(host) && host.startsWith('127.'))
