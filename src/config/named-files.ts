import { X509Certificate } from 'node:crypto'
import tls from 'node:tls'

import type { ConfigProblem, KeyPath } from './config-problem'
import { readTextFile } from './file-watcher'
import type { HostConfig } from './host-config'
import type { RedisTarget } from './redis-url'
import { openToAll } from './secret-file'
import { readTagKeyFile } from './tag-key-file'

/** What is wrong with the files that a config names: the gate could not work with them. */
export function namedFileProblems(
  { admin, identity, imap, store }: HostConfig,
  problemAt: (keys: KeyPath, problem: string) => ConfigProblem,
): ConfigProblem[] {
  return [
    ...readTagKeyFile(identity.tag.keyFile).problems.map((problem) =>
      problemAt(['identity', 'tag', 'key_file'], problem),
    ),
    ...certificatesProblem(identity.clientCa).map((problem) => problemAt(['identity', 'client_ca'], problem)),
    ...certificatesProblem(imap.upstream.ca).map((problem) => problemAt(['imap', 'upstream', 'ca'], problem)),
    ...(imap.tls ? tlsProblems(imap.tls, (part) => ['imap', 'tls', part], problemAt) : []),
    ...(admin.tls ? tlsProblems(admin.tls, (part) => ['admin', 'tls', part], problemAt) : []),
    ...(store.kind === 'redis' ? redisFileProblems(store.redis.target, problemAt) : []),
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

function redisFileProblems(
  { tls, passwordFile, sentinelPasswordFile }: RedisTarget,
  problemAt: (keys: KeyPath, problem: string) => ConfigProblem,
): ConfigProblem[] {
  const at = ['store', 'redis', 'url']
  const unusable = [...secretProblem(passwordFile), ...secretProblem(sentinelPasswordFile)]
  if (tls) unusable.push(...certificatesProblem(tls.ca))
  const problems = unusable.map((problem) => problemAt(at, problem))
  if (tls?.cert != null && tls.key !== null)
    problems.push(...tlsProblems({ cert: tls.cert, key: tls.key }, () => at, problemAt))
  return problems
}

function secretProblem(file: string | null): string[] {
  if (file === null) return []
  const content = readTextFile(file)
  if (!content.ok) return [`${file} ${content.problem}`]
  return openToAll(file)
}

function tlsProblems(
  { cert, key }: { readonly cert: string; readonly key: string },
  keysOf: (part: 'cert' | 'key') => KeyPath,
  problemAt: (keys: KeyPath, problem: string) => ConfigProblem,
): ConfigProblem[] {
  const unusable = certificatesProblem(cert).map((problem) => problemAt(keysOf('cert'), problem))
  const keyContent = readTextFile(key)
  if (!keyContent.ok) unusable.push(problemAt(keysOf('key'), `${key} ${keyContent.problem}`))
  const certContent = readTextFile(cert)
  if (unusable.length > 0 || !certContent.ok || !keyContent.ok) return unusable
  try {
    tls.createSecureContext({ cert: certContent.text, key: keyContent.text })
    return []
  } catch (error) {
    return [
      problemAt(keysOf('key'), `${key} is no key in PEM form that fits ${cert}: ${(error as Error).message}`),
    ]
  }
}
