import { spawn } from 'node:child_process'

/** PEM files of who signs. */
export interface Signer {
  readonly certificateFile: string
  readonly keyFile: string
  /** The certificates between it and a root. */
  readonly chainFile: string | undefined
}

export class SignatureError extends Error {
  override readonly name = 'SignatureError'
  readonly code = 'ERR_PROFILE_SIGNATURE'
}

const TIMEOUT_MS = 10_000
const MAX_ERROR = 2000

/**
 * Signs a profile as devices take it: CMS signed data (RFC 5652) with the profile inside, in DER, by the program
 * `openssl`, since Node has no CMS. Rejects with SignatureError, which says what openssl said.
 */
export function signProfile(
  profile: string,
  { certificateFile, keyFile, chainFile }: Signer,
): Promise<Buffer> {
  const options = ['-sign', '-binary', '-nodetach', '-outform', 'der']
  const files = ['-signer', certificateFile, '-inkey', keyFile]
  const chain = chainFile === undefined ? [] : ['-certfile', chainFile]
  // A key with a passphrase would wait for a person at the terminal.
  const passphrase = ['-passin', 'pass:']
  return new Promise((resolve, reject) => {
    const openssl = spawn('openssl', ['cms', ...options, ...files, ...chain, ...passphrase], {
      timeout: TIMEOUT_MS,
    })
    const signed: Buffer[] = []
    let said = ''
    openssl.stdout.on('data', (octets: Buffer) => signed.push(octets))
    openssl.stderr.on('data', (text: Buffer) => (said = (said + text.toString()).slice(0, MAX_ERROR)))
    openssl.on('error', ({ message }) =>
      reject(new SignatureError(`the program openssl is needed to sign a profile: ${message}`)),
    )
    openssl.on('close', (code) => {
      if (code === 0) resolve(Buffer.concat(signed))
      else
        reject(
          new SignatureError(`openssl cannot sign with ${certificateFile} and ${keyFile}: ${said.trim()}`),
        )
    })
    // It may end before it has read all: what it said tells why.
    openssl.stdin.on('error', () => undefined)
    openssl.stdin.end(profile)
  })
}
