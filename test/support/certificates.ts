import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

/** PEM files. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

export interface CertificateOptions {
  readonly commonName: string
  /** As OpenSSL writes them: `DNS:localhost`, `IP:127.0.0.1`, `URI:urn:device:d-1`, `email:anna@example.com`. */
  readonly altNames?: readonly string[]
  /** It ended yesterday. */
  readonly expired?: boolean
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

/** A CA of its own in a temporary directory, made by openssl; `remove` takes it away with all it issued. */
export class CertificateAuthority {
  readonly #dir = fs.mkdtempSync(path.join(os.tmpdir(), 'device-gate-ca-'))
  /** The CA's own certificate: what the other side must trust. */
  readonly file = path.join(this.#dir, 'ca.pem')
  readonly #key = path.join(this.#dir, 'ca.key')
  #issued = 0

  constructor(name = 'Test CA') {
    openssl('req', '-x509', ...KEY, '-keyout', this.#key, '-out', this.file, '-subj', `/CN=${name}`)
  }

  issue({ commonName, altNames = [], expired = false }: CertificateOptions): Certificate {
    this.#issued += 1
    const name = path.join(this.#dir, `issued-${this.#issued}`)
    const issued = { cert: `${name}.pem`, key: `${name}.key` }
    const request = `${name}.csr`
    const extensions = ['basicConstraints=critical,CA:FALSE']
    if (altNames.length > 0) extensions.push(`subjectAltName=${altNames.join(',')}`)
    openssl(
      ...['req', '-new', ...KEY, '-keyout', issued.key, '-out', request, '-subj', `/CN=${commonName}`],
      ...extensions.flatMap((extension) => ['-addext', extension]),
    )
    openssl(
      ...['x509', '-req', '-in', request, '-out', issued.cert, '-copy_extensions', 'copy'],
      ...['-CA', this.file, '-CAkey', this.#key, '-CAcreateserial', '-days', expired ? '-1' : '2'],
    )
    return issued
  }

  /** What a server on 127.0.0.1 shows. */
  server(): Certificate {
    return this.issue({ commonName: 'localhost', altNames: ['DNS:localhost', 'IP:127.0.0.1'] })
  }

  /** What a phone enrolled in device management shows; with `user` it may also log in as that person. */
  device(deviceId: string, user?: string): Certificate {
    const altNames = [`URI:urn:device:${deviceId}`, ...(user === undefined ? [] : [`email:${user}`])]
    return this.issue({ commonName: 'device', altNames })
  }

  remove(): void {
    fs.rmSync(this.#dir, { recursive: true, force: true })
  }
}

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe' })
}
