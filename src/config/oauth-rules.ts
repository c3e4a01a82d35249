import type { OauthRules } from '../identity/oauth-token'
import type { ConfigProblem, KeyPath } from './config-problem'
import { isLoopback } from './loopback'

/** `identity.oauth` as the file has it. */
export interface OauthYaml {
  readonly issuer: string | null
  readonly audience: string | null
  readonly jwks_uri: string | null
  readonly user_claim: string
  readonly device_claim: string | null
}

/** null: it is not set. */
export function oauthRules(oauth: OauthYaml): OauthRules | null {
  const { issuer, audience, jwks_uri: jwksUri, user_claim: userClaim, device_claim: deviceClaim } = oauth
  return issuer === null || audience === null || jwksUri === null || deviceClaim === null
    ? null
    : { issuer, audience, jwksUri, userClaim, deviceClaim }
}

export function oauthProblems(
  oauth: OauthYaml,
  problemAt: (keys: KeyPath, problem: string) => ConfigProblem,
): ConfigProblem[] {
  const { issuer, audience, jwks_uri: jwksUri, device_claim: deviceClaim } = oauth
  const together = [issuer, audience, jwksUri, deviceClaim]
  if (together.some((value) => value === null) && together.some((value) => value !== null))
    return [
      problemAt(['identity', 'oauth'], 'needs issuer, audience, jwks_uri and device_claim, or none of them'),
    ]
  if (jwksUri === null || mayBeAsked(jwksUri)) return []
  // Not shown: it may have a password in it.
  const problem = 'must be an https URL without a password, or http on loopback'
  return [problemAt(['identity', 'oauth', 'jwks_uri'], problem)]
}

function mayBeAsked(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, username, password } = new URL(text)
  const isSecure = protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))
  return isSecure && username === '' && password === ''
}
