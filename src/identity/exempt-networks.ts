import net from 'node:net'

/** Tells whether an address lies in one of the networks (CIDR or single addresses, already validated). */
export function createNetworkMatcher(networks: readonly string[]): (address: string) => boolean {
  // The list makes objects at each look-up: not for the usual site, which has none.
  if (networks.length === 0) return () => false
  const list = new net.BlockList()
  for (const network of networks) {
    const [address = '', prefix] = network.split('/')
    const family = net.isIPv6(address) ? 'ipv6' : 'ipv4'
    if (prefix === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(prefix), family)
  }
  return (address) => {
    const plain = plainAddress(address)
    return net.isIP(plain) !== 0 && list.check(plain, net.isIPv6(plain) ? 'ipv6' : 'ipv4')
  }
}

/** An IPv4 address that came in on a dual-stack listener (`::ffff:192.0.2.1`) as itself. */
export const plainAddress = (address: string): string =>
  /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address) ? address.slice(7) : address

/**
 * An address that somebody wrote, as the system writes it: in the one form that it is counted and looked up under.
 * undefined: it is none, or good on one interface only.
 */
export function canonicalAddress(text: string): string | undefined {
  const family = net.isIP(text)
  if (family === 0 || text.includes('%')) return undefined
  const { address } = new net.SocketAddress({ address: text, family: family === 6 ? 'ipv6' : 'ipv4' })
  return plainAddress(address)
}

/** Whether an address, as the system writes it, is this host's own. */
export function isLoopback(address: string): boolean {
  const plain = plainAddress(address)
  return plain === '::1' || plain.startsWith('127.')
}
