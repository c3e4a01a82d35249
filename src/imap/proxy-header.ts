import net from 'node:net'

import { canonicalAddress } from '../identity/exempt-networks'
import type { ProxyHeaderProblem } from '../metrics/words'
import type { ClientFacts } from './upstream-commands'

/** The connection behind a proxy's, as its PROXY header tells. */
export interface ProxiedClient extends ClientFacts {
  /** The client speaks TLS with the proxy. */
  readonly encrypted: boolean
}

export type ProxyHeaderReading =
  /** So far nothing is wrong. */
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'refused'; readonly problem: ProxyHeaderProblem }
  | {
      readonly kind: 'complete'
      /** How long it is: what stands behind it is the client's. */
      readonly octets: number
      /** null: the connection is the proxy's own (a health check), or it cannot say whose. */
      readonly client: ProxiedClient | null
    }

/** The longest line of version 1, with its CRLF. */
const MAX_LINE_OCTETS = 107
/** Version 2 could have 64 KiB; senders keep to one segment, and with what they know of TLS to some hundred octets. */
export const MAX_PROXY_HEADER_OCTETS = 4096

const LINE_START = Buffer.from('PROXY ')
const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n')
const FIXED_OCTETS = SIGNATURE.length + 4

const INCOMPLETE: ProxyHeaderReading = { kind: 'incomplete' }
const MISSING: ProxyHeaderReading = { kind: 'refused', problem: 'missing' }
const MALFORMED: ProxyHeaderReading = { kind: 'refused', problem: 'malformed' }

/**
 * Reads the PROXY header (haproxy's proxy-protocol.txt, versions 1 and 2) that `octets`, all that came so far, must
 * begin with. More octets never change what is no longer `incomplete`.
 */
export function readProxyHeader(octets: Buffer): ProxyHeaderReading {
  if (beginsAs(octets, LINE_START)) return readLine(octets)
  return beginsAs(octets, SIGNATURE) ? readBinary(octets) : MISSING
}

/** As far as they are there. */
function beginsAs(octets: Buffer, start: Buffer): boolean {
  const length = Math.min(octets.length, start.length)
  return octets.subarray(0, length).equals(start.subarray(0, length))
}

const LINE = /^PROXY TCP([46]) ([0-9a-fA-F.:]+) ([0-9a-fA-F.:]+) (\d{1,5}) (\d{1,5})$/

function readLine(octets: Buffer): ProxyHeaderReading {
  const text = octets.toString('latin1', 0, MAX_LINE_OCTETS)
  const end = text.indexOf('\r\n')
  if (end < 0) return text.length < MAX_LINE_OCTETS ? INCOMPLETE : MALFORMED
  const line = text.slice(0, end)
  // What stands behind UNKNOWN is to be passed over.
  if (/^PROXY UNKNOWN(?: |$)/.test(line)) return { kind: 'complete', octets: end + 2, client: null }
  const [, family, source = '', destination = '', port = ''] = LINE.exec(line) ?? []
  const [remoteAddress, localAddress] = [source, destination].map((one) =>
    net.isIP(one) === Number(family) ? canonicalAddress(one) : undefined,
  )
  const ports = line.split(' ').slice(4)
  if (remoteAddress === undefined || localAddress === undefined || !ports.every(isPort)) return MALFORMED
  const client = { remoteAddress, remotePort: Number(port), localAddress, encrypted: false }
  return { kind: 'complete', octets: end + 2, client }
}

/** Without a zero in front, which somebody could read as octal. */
const isPort = (text: string): boolean => /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535

const VERSION = 2
const COMMAND = { local: 0, proxy: 1 }
/** Address family and transport, in one octet. */
const TCP4 = 0x11
const TCP6 = 0x21
const MAX_FAMILY = 3
const MAX_TRANSPORT = 2

function readBinary(octets: Buffer): ProxyHeaderReading {
  if (octets.length < FIXED_OCTETS) return INCOMPLETE
  const [version, command] = halves(octets.readUInt8(SIGNATURE.length))
  const carrier = octets.readUInt8(SIGNATURE.length + 1)
  const end = FIXED_OCTETS + octets.readUInt16BE(SIGNATURE.length + 2)
  if (version !== VERSION || command > COMMAND.proxy || end > MAX_PROXY_HEADER_OCTETS) return MALFORMED
  const own: ProxyHeaderReading = { kind: 'complete', octets: end, client: null }
  const [family, transport] = halves(carrier)
  if (command === COMMAND.proxy && (family > MAX_FAMILY || transport > MAX_TRANSPORT)) return MALFORMED
  if (octets.length < end) return INCOMPLETE
  // Of other carriers than TCP there are no addresses that we could go by.
  if (command === COMMAND.local || (carrier !== TCP4 && carrier !== TCP6)) return own
  const client = readAddresses(octets.subarray(FIXED_OCTETS, end), carrier === TCP4 ? 4 : 16)
  return client ? { ...own, client } : MALFORMED
}

const halves = (octet: number): [number, number] => [octet >> 4, octet & 15]

/** Source, destination, source port, destination port; then what else is told. */
function readAddresses(block: Buffer, size: 4 | 16): ProxiedClient | undefined {
  const extras = 2 * size + 4
  if (block.length < extras) return undefined
  const encrypted = spokeTls(block.subarray(extras))
  if (encrypted === undefined) return undefined
  return {
    remoteAddress: addressOf(block.subarray(0, size)),
    remotePort: block.readUInt16BE(2 * size),
    localAddress: addressOf(block.subarray(size, 2 * size)),
    encrypted,
  }
}

function addressOf(octets: Buffer): string {
  if (octets.length === 4) return octets.join('.')
  const groups = Array.from({ length: 8 }, (_, i) => octets.readUInt16BE(2 * i).toString(16))
  return canonicalAddress(groups.join(':')) ?? ''
}

const TLV_SSL = 0x20
const SSL_MIN_OCTETS = 5
const CLIENT_SSL = 0x01

/** Whether the extras (type, length, value) say that the client spoke TLS; undefined: they go beyond the header. */
function spokeTls(extras: Buffer): boolean | undefined {
  let told = false
  for (let at = 0; at < extras.length;) {
    if (extras.length - at < 3) return undefined
    const type = extras.readUInt8(at)
    const size = extras.readUInt16BE(at + 1)
    const value = extras.subarray(at + 3, at + 3 + size)
    if (value.length < size) return undefined
    if (type === TLV_SSL) {
      if (size < SSL_MIN_OCTETS) return undefined
      told = (value.readUInt8(0) & CLIENT_SSL) !== 0
    }
    at += 3 + size
  }
  return told
}
