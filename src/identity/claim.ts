import type { PeerCertificate } from 'node:tls'

import type { Claim } from '../policy/decision'

/** What became of a user name that may carry a device tag. */
export type TagReading =
  /** No tag in it: `user` is the name as given. */
  | { readonly status: 'none'; readonly user: string }
  | { readonly status: 'valid'; readonly user: string; readonly claim: Claim }
  /** It has the form of a tag and does not verify: treat as a wrong password, tell nobody why. */
  | {
      readonly status: 'invalid'
      readonly user: string
      readonly problem: 'malformed' | 'unknown_key' | 'bad_mac'
    }

/** Reads device tags off user names (`anna@example.com#<device>.<mac>`). */
export interface TagReader {
  read(userName: string): TagReading
}

/** What became of a client certificate. */
export type CertificateReading =
  | { readonly status: 'read'; readonly claim: Claim | null }
  /** What the site registered cannot be read now, which is not the same as no device. */
  | { readonly status: 'unchecked' }

/** Tells the device of a client certificate that the TLS layer has verified. */
export interface CertificateReader {
  read(certificate: PeerCertificate): CertificateReading
}

/** Why an OAuth token is taken for a wrong one; `form` is all that makes it no token for us at all. */
export type TokenFault =
  'form' | 'algorithm' | 'type' | 'signature' | 'issuer' | 'audience' | 'expired' | 'not_yet' | 'user'

/** What became of an OAuth token. */
export type TokenReading =
  /** Signed by the issuer, for the site, of now, for this user; `claim` where it names a device. */
  | { readonly status: 'valid'; readonly claim: Claim | null }
  /** Treat as a wrong password, tell nobody why. */
  | { readonly status: 'wrong'; readonly fault: TokenFault }
  /** It cannot be checked now, and so proves nothing: that is not the same as to name no device. */
  | { readonly status: 'unchecked'; readonly lacks: 'keys' | 'key' }

/** Checks OAuth tokens against the keys that are here; asks nobody. */
export interface TokenReader {
  /** `user`: whom the login is for. `now`: epoch milliseconds. */
  read(user: string, token: Buffer, now: number): TokenReading
}
