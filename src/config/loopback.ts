import net from 'node:net'

/** A name may lead anywhere, but this one (RFC 6761 section 6.3). */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host === '[::1]' || (net.isIPv4(host) && host.startsWith('127.'))
