import { FeedError } from '../feed-error'
import { askJson } from '../http'
import type { FeedContext } from '../kind'

/** What a transmitter says of itself; endpoints that it does not have are undefined. */
export interface TransmitterMetadata {
  readonly jwksUri: string
  readonly configurationEndpoint: string | undefined
  readonly statusEndpoint: string | undefined
  readonly verificationEndpoint: string | undefined
}

const WELL_KNOWN = '/.well-known/ssf-configuration'

/** Between host and path, as RFC 8615 has it: an issuer with a path keeps it behind. */
export function discoveryUrl(issuer: string): string {
  const { origin, pathname } = new URL(issuer)
  return `${origin}${WELL_KNOWN}${pathname === '/' ? '' : pathname}`
}

export async function discover(context: FeedContext, issuer: string): Promise<TransmitterMetadata> {
  const url = discoveryUrl(issuer)
  const { host } = new URL(url)
  const value = (await askJson(context, url)) as Record<string, unknown> | null
  // Another name here would let one transmitter speak for another.
  if (value?.['issuer'] !== issuer)
    throw new FeedError('answer', `${host}: its discovery document is of another issuer`)
  const endpoint = (name: string): string | undefined => {
    const text = value[name]
    if (typeof text !== 'string') return undefined
    if (URL.canParse(text)) return text
    throw new FeedError('refused_url', `${host}: the ${name} of its discovery document is no URL`)
  }
  const jwksUri = endpoint('jwks_uri')
  if (jwksUri === undefined) throw new FeedError('answer', `${host}: its discovery document has no jwks_uri`)
  return {
    jwksUri,
    configurationEndpoint: endpoint('configuration_endpoint'),
    statusEndpoint: endpoint('status_endpoint'),
    verificationEndpoint: endpoint('verification_endpoint'),
  }
}
