import { canonicalAddress } from '../identity/exempt-networks'
import type { ClientFacts } from './upstream-commands'

/**
 * Whom an IMAP proxy says it speaks for, in the ID fields that Dovecot gave this use (docs: "Forwarding parameters").
 * undefined: it names nobody. null: what it says is no address.
 */
export function forwardedClient(
  id: ReadonlyMap<string, string>,
  connection: ClientFacts,
): ClientFacts | null | undefined {
  const source = id.get('x-originating-ip')
  if (source === undefined) return undefined
  const port = id.get('x-originating-port') ?? '0'
  const connected = id.get('x-connected-ip')
  const remoteAddress = canonicalAddress(source)
  const localAddress = connected === undefined ? connection.localAddress : canonicalAddress(connected)
  if (remoteAddress === undefined || localAddress === undefined) return null
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) return null
  return { remoteAddress, remotePort: Number(port), localAddress }
}
