import net from 'node:net'

/** Tells whether an address lies in one of the networks (CIDR or single addresses, already validated). */
export function createNetworkMatcher(networks: readonly string[]): (address: string) => boolean {
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

const LOOPBACK = createNetworkMatcher(['127.0.0.0/8', '::1'])

export const isLoopback = (address: string): boolean => LOOPBACK(address)
