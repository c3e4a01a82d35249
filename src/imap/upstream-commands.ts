import { encodeBase64 } from '../identity/base64'
import type { Credential } from './credential'
import { encodeResponse } from './sasl'

/** Where a client comes from, told to an upstream that takes Dovecot's ID fields. */
export interface ClientFacts {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localAddress: string
}

/** Dovecot takes these from its `login_trusted_networks`; others ignore them (RFC 2971). */
export function idCommand({ remoteAddress, remotePort, localAddress }: ClientFacts): string {
  return `i ID ("x-originating-ip" "${remoteAddress}" "x-originating-port" "${remotePort}" "x-connected-ip" "${localAddress}")\r\n`
}

/** Whether the credential can be told to an upstream with these capabilities (RFC 3501 6.2.3). */
export const canLogIn = (credential: Credential, has: ReadonlySet<string>): boolean =>
  credential.kind !== 'password' || has.has('AUTH=PLAIN') || !has.has('LOGINDISABLED')

/** One upstream greets everybody alike: what it listed last is not taken apart again. */
let listed = { text: '', capabilities: new Set<string>() }

/** The words of a capability list, in capitals. */
export function capabilitiesOf(text: string): ReadonlySet<string> {
  if (text !== listed.text) listed = { text, capabilities: new Set(text.toUpperCase().split(' ')) }
  return listed.capabilities
}

/**
 * The login, tagged `a`, behind `first`, as pieces; each but the first waits for a continuation. `has`: the
 * upstream's capabilities, in capitals. The pieces are copies of the secret: overwrite them.
 */
export function loginCommand(first: string, credential: Credential, has: ReadonlySet<string>): Buffer[] {
  if (credential.kind === 'password' && !has.has('AUTH=PLAIN'))
    return loginWithLiterals(first, credential, has)
  const mechanism = credential.kind === 'bearer' ? credential.mechanism : MECHANISM[credential.kind]
  const response = encodeResponse(credential)
  const base64 = encodeBase64(response)
  response.fill(0)
  // RFC 4959 3: an empty initial response would be "=", but a credential is never empty.
  const pieces = has.has('SASL-IR')
    ? [joined(`${first}a AUTHENTICATE ${mechanism} `, base64, '\r\n')]
    : [Buffer.from(`${first}a AUTHENTICATE ${mechanism}\r\n`), joined(base64, '\r\n')]
  base64.fill(0)
  return pieces
}

const MECHANISM = { password: 'PLAIN', external: 'EXTERNAL' } as const

/** Literals need no quoting, so no byte of a name or password can be read as anything else. */
function loginWithLiterals(
  first: string,
  { user, password }: Credential & { kind: 'password' },
  has: ReadonlySet<string>,
): Buffer[] {
  const name = Buffer.from(user)
  if (has.has('LITERAL+'))
    return [
      joined(`${first}a LOGIN {${name.length}+}\r\n`, name, ` {${password.length}+}\r\n`, password, '\r\n'),
    ]
  return [
    Buffer.from(`${first}a LOGIN {${name.length}}\r\n`),
    joined(name, ` {${password.length}}\r\n`),
    joined(password, '\r\n'),
  ]
}

const joined = (...parts: readonly (string | Buffer)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
