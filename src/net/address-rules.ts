import net from 'node:net'

/** Never asked, whoever names them: this host's link, cloud metadata, nobody, everybody. */
const NEVER = blockList([
  ['0.0.0.0', 8],
  ['169.254.0.0', 16],
  ['100.100.100.200', 32],
  ['192.0.0.192', 32],
  ['224.0.0.0', 3],
  ['::', 128],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
  ['fd00:ec2::', 32],
])

/** Asked only where the site's own settings name the host. */
const PRIVATE = blockList([
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['::1', 128],
  ['fc00::', 7],
])

const LOOPBACK = blockList([
  ['127.0.0.0', 8],
  ['::1', 128],
])

function blockList(ranges: readonly (readonly [address: string, bits: number])[]): net.BlockList {
  const list = new net.BlockList()
  for (const [address, bits] of ranges) list.addSubnet(address, bits, family(address))
  return list
}

function family(address: string): 'ipv4' | 'ipv6' {
  return net.isIPv6(address) ? 'ipv6' : 'ipv4'
}

/** IPv4 in the forms that IPv6 has for it: mapped, compatible, NAT64 and 6to4 all lead to the IPv4 address. */
function embeddedIpv4(address: string): string | undefined {
  const groups = ipv6Groups(address)
  if (!groups) return undefined
  const [a = 0, b = 0] = groups
  const isZero = (from: number, to: number): boolean => groups.slice(from, to).every((group) => group === 0)
  const tail = groups.slice(6)
  if (a === 0x2002) return ipv4Of([b, groups[2] ?? 0])
  if (a === 0x64 && b === 0xff9b && isZero(2, 6)) return ipv4Of(tail)
  const mapped = isZero(0, 5) && groups[5] === 0xffff
  const compatible = isZero(0, 6) && !(tail[0] === 0 && (tail[1] ?? 0) <= 1)
  return mapped || compatible ? ipv4Of(tail) : undefined
}

const ipv4Of = ([high = 0, low = 0]: readonly number[]): string =>
  [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.')

function ipv6Groups(address: string): number[] | undefined {
  if (!net.isIPv6(address)) return undefined
  // A URL writes every IPv6 address in one way, an IPv4 tail in hexadecimal too.
  const text = new URL(`http://[${address.replace(/%.*$/, '')}]`).hostname.slice(1, -1)
  const [head = '', tail] = text.split('::')
  const parse = (part: string): number[] => (part === '' ? [] : part.split(':').map((g) => parseInt(g, 16)))
  if (tail === undefined) return parse(head)
  const [first, last] = [parse(head), parse(tail)]
  return [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last]
}

/** Why an address is not asked; undefined: it may be. `named`: the site's own settings name its host. */
export function addressProblem(address: string, named: boolean): string | undefined {
  const plain = embeddedIpv4(address) ?? address
  if (net.isIP(plain) === 0 || NEVER.check(plain, family(plain)))
    return 'a link-local, metadata, multicast or empty address is never asked'
  if (!named && PRIVATE.check(plain, family(plain)))
    return "a private address is asked only where the feed's own settings name the host"
  return undefined
}

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || (net.isIP(host) !== 0 && LOOPBACK.check(host, family(host)))
