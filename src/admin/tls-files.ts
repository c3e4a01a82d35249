import { X509Certificate } from 'node:crypto'
import fs from 'node:fs'
import type { SecureContextOptions, Server } from 'node:tls'

import { readTextFile, watchFile } from '../config/file-watcher'

interface Files {
  readonly cert: string
  readonly key: string
}

/** The admin server's certificate: read again when its files change, for connections from then on. */
export class TlsFiles {
  #certificate: X509Certificate
  #watchers: { close(): void }[] = []

  /** Throws when the files are no usable certificate and key. */
  constructor(private readonly files: Files) {
    this.#certificate = new X509Certificate(fs.readFileSync(files.cert))
  }

  get certificate(): X509Certificate {
    return this.#certificate
  }

  context(): SecureContextOptions {
    return { cert: fs.readFileSync(this.files.cert), key: fs.readFileSync(this.files.key) }
  }

  follow(server: Server, onProblem: (problem: string) => void): void {
    const reload = (): void => {
      try {
        server.setSecureContext(this.context())
        this.#certificate = new X509Certificate(fs.readFileSync(this.files.cert))
      } catch {
        // Between the two files being written they do not fit each other.
        onProblem('admin: the new certificate cannot be used; the old one stays')
      }
    }
    this.#watchers = [this.files.cert, this.files.key].map((file) =>
      watchFile(file, readTextFile(file), reload),
    )
  }

  close(): void {
    for (const watcher of this.#watchers) watcher.close()
  }
}
