import { X509Certificate } from 'node:crypto'
import tls from 'node:tls'

import type { ConfigProblem, KeyPath } from './config-problem'
import { readTextFile } from './file-watcher'
import type { HostConfig } from './host-config'
import { readTagKeyFile } from './tag-key-file'

/** What is wrong with the files that a config names: the gate could not work with them. */
export function namedFileProblems(
  { identity, imap }: HostConfig,
  problemAt: (keys: KeyPath, problem: string) => ConfigProblem,
): ConfigProblem[] {
  return [
    ...readTagKeyFile(identity.tag.keyFile).problems.map((problem) =>
      problemAt(['identity', 'tag', 'key_file'], problem),
    ),
    ...certificatesProblem(identity.clientCa).map((problem) => problemAt(['identity', 'client_ca'], problem)),
    ...certificatesProblem(imap.upstream.ca).map((problem) => problemAt(['imap', 'upstream', 'ca'], problem)),
    ...(imap.tls ? tlsProblems(imap.tls, problemAt) : []),
  ]
}

function certificatesProblem(file: string | null): string[] {
  if (file === null) return []
  const content = readTextFile(file)
  if (!content.ok) return [`${file} ${content.problem}`]
  try {
    new X509Certificate(content.text)
    return []
  } catch {
    return [`${file} holds no certificate in PEM form`]
  }
}

function tlsProblems(
  { cert, key }: { readonly cert: string; readonly key: string },
  problemAt: (keys: KeyPath, problem: string) => ConfigProblem,
): ConfigProblem[] {
  const unusable = certificatesProblem(cert).map((problem) => problemAt(['imap', 'tls', 'cert'], problem))
  const keyContent = readTextFile(key)
  if (!keyContent.ok) unusable.push(problemAt(['imap', 'tls', 'key'], `${key} ${keyContent.problem}`))
  const certContent = readTextFile(cert)
  if (unusable.length > 0 || !certContent.ok || !keyContent.ok) return unusable
  try {
    tls.createSecureContext({ cert: certContent.text, key: keyContent.text })
    return []
  } catch (error) {
    return [
      problemAt(
        ['imap', 'tls', 'key'],
        `${key} is no key in PEM form that fits ${cert}: ${(error as Error).message}`,
      ),
    ]
  }
}
