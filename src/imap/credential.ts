/** What a client proved itself with, decoded; it is encoded anew for the upstream. */
export type Credential =
  | { readonly kind: 'password'; readonly user: string; readonly password: Buffer }
  | {
      readonly kind: 'bearer'
      readonly mechanism: 'XOAUTH2' | 'OAUTHBEARER'
      readonly user: string
      readonly token: Buffer
    }
  /** The user that a verified client certificate names. */
  | { readonly kind: 'external'; readonly user: string }

/** Overwrites the secret; the rest of the credential stays readable. */
export function wipe(credential: Credential): void {
  switch (credential.kind) {
    case 'password':
      credential.password.fill(0)
      return
    case 'bearer':
      credential.token.fill(0)
      return
    case 'external':
  }
}
