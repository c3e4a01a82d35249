import type { HostYaml } from './host-config-file'

/**
 * Keys that a process takes when it starts: listeners, directories, and what TLS contexts are made of. An edit
 * of them waits for the next start; everything else changes at once.
 */
export const START_KEYS: readonly (readonly [string, string?])[] = [
  ['state_dir'],
  ['store'],
  ['policy', 'source'],
  ['identity', 'client_ca'],
  ['imap', 'enabled'],
  ['imap', 'listen'],
  ['imap', 'listen_tls'],
  ['imap', 'tls'],
  ['admin'],
]

type Mapping = Record<string, unknown>

const valueOf = (raw: HostYaml, [first, second]: (typeof START_KEYS)[number]): unknown => {
  const value = (raw as unknown as Mapping)[first]
  return second === undefined ? value : (value as Mapping)[second]
}

/** `edited` with the start keys of `started`. */
export function keepingStartKeys(started: HostYaml, edited: HostYaml): HostYaml {
  const merged = structuredClone(edited) as unknown as Mapping
  for (const key of START_KEYS) {
    const [first, second] = key
    if (second === undefined) merged[first] = valueOf(started, key)
    else (merged[first] as Mapping)[second] = valueOf(started, key)
  }
  return merged as unknown as HostYaml
}

/** The start keys, dotted, in which `edited` differs from `started`. */
export const changedStartKeys = (started: HostYaml, edited: HostYaml): string[] =>
  START_KEYS.filter(
    (key) => JSON.stringify(valueOf(started, key)) !== JSON.stringify(valueOf(edited, key)),
  ).map((key) => key.join('.'))
