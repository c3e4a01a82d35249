import net from 'node:net'
import path from 'node:path'

import type { CertificateRule } from '../identity/client-certificate'
import type { Enforcement, FailMode, UnidentifiedRule } from '../policy/vocabulary'
import { durationMs } from './duration'
import type { ConfigProblem, KeyPath, Reading } from './config-problem'
import type { HostConfig, ImapConfig, ListenAddress } from './host-config'
import { isLoopback } from './loopback'
import { namedFileProblems } from './named-files'
import { oauthProblems, oauthRules, type OauthYaml } from './oauth-rules'
import { parseRedisUrl, type RedisTarget } from './redis-url'
import { publishedSchema, readValidYaml } from './schema'

interface TlsYaml {
  readonly cert: string | null
  readonly key: string | null
}

/** The file's own shape, after the schema has filled in the defaults. */
export interface HostYaml {
  readonly enforcement: Enforcement
  readonly state_dir: string
  readonly fail_mode: FailMode
  readonly store: {
    readonly kind: 'embedded' | 'redis'
    readonly redis: { readonly url: string; readonly key_prefix: string }
    readonly lease_s: number
  }
  readonly policy: { readonly source: 'file' | 'fleet' }
  readonly identity: {
    readonly unidentified: UnidentifiedRule
    readonly tag: { readonly separator: string; readonly key_file: string }
    readonly client_ca: string | null
    readonly certificate_device: CertificateRule
    readonly oauth: OauthYaml
    readonly exempt_networks: readonly string[]
  }
  readonly smtp: { readonly enabled: boolean }
  readonly imap: {
    readonly enabled: boolean
    readonly listen: readonly string[]
    readonly listen_tls: readonly string[]
    readonly tls: TlsYaml
    readonly proxy_networks: readonly string[]
    readonly forwarding_networks: readonly string[]
    readonly plaintext_login: ImapConfig['plaintextLogin']
    readonly upstream: ImapConfig['upstream']
    readonly limits: {
      readonly connections: number
      readonly per_address: number
      readonly login_s: number
      readonly line: number
      readonly literal: number
    }
    readonly revoke_spread_s: number
  }
  readonly journal: { readonly max_age: string; readonly max_entries: number; readonly pseudonymise: boolean }
  readonly admin: {
    readonly listen: string | null
    readonly token_file: string
    readonly tls: TlsYaml
  }
  readonly attestation: { readonly url: string | null; readonly valid: string }
}

const schema = publishedSchema('device_gate.schema.json')

export interface HostConfigReading {
  /** What the file says, with the defaults of what it leaves out. */
  readonly raw: HostYaml
  readonly config: HostConfig
  /** Keys and certificates it names that cannot be used: the gate cannot start with them. */
  readonly fileProblems: readonly ConfigProblem[]
}

/** Parses `device_gate.yaml`. `state_dir` is relative to Haraka's directory, keys and certificates to its config directory. */
export function parseHostConfig(
  text: string,
  options: { readonly file: string; readonly harakaDir: string },
): Reading<HostConfigReading> {
  const reading = readValidYaml(text, options.file, schema())
  if (!reading.ok) return reading
  const raw = reading.value as HostYaml
  const problemAt: ProblemAt = (keys, problem) => reading.yaml.problemAt(keys, problem)
  const problems = [
    ...storeProblems(raw, problemAt),
    ...addressProblems(raw, problemAt),
    ...tlsProblems(raw, problemAt),
    ...journalProblems(raw, problemAt),
    ...adminProblems(raw, problemAt),
    ...attestationProblems(raw, problemAt),
    ...oauthProblems(raw.identity.oauth, problemAt),
  ]
  if (problems.length > 0) return { ok: false, problems }
  const config = toHostConfig(raw, options.harakaDir)
  return { ok: true, raw, config, fileProblems: namedFileProblems(config, problemAt) }
}

type ProblemAt = (keys: KeyPath, problem: string) => ConfigProblem

const JOURNAL_AGE = { least: '1h', most: '3650d' }
const STATEMENT_VALID = { least: '1h', most: '366d' }

export function toHostConfig(raw: HostYaml, harakaDir: string): HostConfig {
  const inConfig = (file: string): string => path.resolve(harakaDir, 'config', file)
  const optional = (file: string | null): string | null => (file === null ? null : inConfig(file))
  const tlsFiles = ({ cert, key }: TlsYaml): HostConfig['admin']['tls'] =>
    cert === null || key === null ? null : { cert: inConfig(cert), key: inConfig(key) }
  return {
    enforcement: raw.enforcement,
    stateDir: path.resolve(harakaDir, raw.state_dir),
    failMode: raw.fail_mode,
    store: {
      kind: raw.store.kind,
      redis: { target: redisTarget(raw.store.redis.url, inConfig), keyPrefix: raw.store.redis.key_prefix },
      leaseS: raw.store.lease_s,
    },
    policy: raw.policy,
    identity: {
      unidentified: raw.identity.unidentified,
      tag: { separator: raw.identity.tag.separator, keyFile: inConfig(raw.identity.tag.key_file) },
      clientCa: optional(raw.identity.client_ca),
      certificateDevice: raw.identity.certificate_device,
      oauth: oauthRules(raw.identity.oauth),
      exemptNetworks: raw.identity.exempt_networks,
    },
    smtp: raw.smtp,
    imap: {
      enabled: raw.imap.enabled,
      listen: raw.imap.listen.flatMap((text) => listenAddress(text) ?? []),
      listenTls: raw.imap.listen_tls.flatMap((text) => listenAddress(text) ?? []),
      tls: tlsFiles(raw.imap.tls),
      proxyNetworks: raw.imap.proxy_networks,
      forwardingNetworks: raw.imap.forwarding_networks,
      plaintextLogin: raw.imap.plaintext_login,
      upstream: { ...raw.imap.upstream, ca: optional(raw.imap.upstream.ca) },
      limits: {
        connections: raw.imap.limits.connections,
        perAddress: raw.imap.limits.per_address,
        loginS: raw.imap.limits.login_s,
        line: raw.imap.limits.line,
        literal: raw.imap.limits.literal,
      },
      revokeSpreadS: raw.imap.revoke_spread_s,
    },
    journal: {
      maxAgeMs: durationMs(raw.journal.max_age),
      maxEntries: raw.journal.max_entries,
      pseudonymise: raw.journal.pseudonymise,
    },
    admin: {
      listen: raw.admin.listen === null ? null : (listenAddress(raw.admin.listen) ?? null),
      tokenFile: inConfig(raw.admin.token_file),
      tls: tlsFiles(raw.admin.tls),
    },
    attestation: {
      url: raw.attestation.url === null ? null : (baseUrl(raw.attestation.url) ?? null),
      validMs: durationMs(raw.attestation.valid),
    },
  }
}

/** `host:port` or `[v6]:port`; port 0 lets the system choose. */
function listenAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  const host = match?.[1] ?? match?.[2]
  if (host === undefined || port > 65535) return undefined
  return match?.[1] !== undefined && !net.isIPv6(host) ? undefined : { host, port }
}

/** An address block such as 10.0.0.0/8 or 2001:db8::/32, or one address. */
function isNetwork(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/')
  const family = net.isIP(address)
  if (family === 0 || address.includes('%') || rest.length > 0) return false
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128))
}

function storeProblems(raw: HostYaml, problemAt: ProblemAt): ConfigProblem[] {
  const { kind, redis } = raw.store
  const url = parseRedisUrl(redis.url, (file) => file)
  const problems = url.ok ? [] : [problemAt(['store', 'redis', 'url'], url.problem)]
  if (kind === 'redis' && raw.policy.source === 'file')
    problems.push(
      problemAt(
        ['policy', 'source'],
        'must be fleet with store.kind: redis: the policy of a fleet lives in its store',
      ),
    )
  return problems
}

const journalProblems = ({ journal }: HostYaml, problemAt: ProblemAt): ConfigProblem[] =>
  durationProblems(['journal', 'max_age'], journal.max_age, JOURNAL_AGE, problemAt)

function durationProblems(
  keys: KeyPath,
  text: string,
  { least, most }: typeof JOURNAL_AGE,
  problemAt: ProblemAt,
): ConfigProblem[] {
  const ms = durationMs(text)
  if (ms >= durationMs(least) && ms <= durationMs(most)) return []
  return [problemAt(keys, `must be ${least} to ${most} (found ${JSON.stringify(text)})`)]
}

/** Without a slash at its end; undefined: a link in the clear would be read on its way, and more would not be kept. */
function baseUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined
  const { protocol, hostname, username, password, search, hash, href } = new URL(text)
  const isSafe =
    protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname.replace(/^\[|\]$/g, '')))
  const isBase = username + password + search + hash === ''
  return isSafe && isBase ? href.replace(/\/+$/, '') : undefined
}

function attestationProblems({ attestation }: HostYaml, problemAt: ProblemAt): ConfigProblem[] {
  const { url, valid } = attestation
  const problems = durationProblems(['attestation', 'valid'], valid, STATEMENT_VALID, problemAt)
  if (url === null || baseUrl(url) !== undefined) return problems
  const problem = 'must be an https address such as https://gate.example.com; http only on loopback'
  return [...problems, problemAt(['attestation', 'url'], problem)]
}

/** Called for what was checked only. */
function redisTarget(url: string, inConfig: (file: string) => string): RedisTarget {
  const reading = parseRedisUrl(url, inConfig)
  if (!reading.ok) throw new Error(`store.redis.url ${reading.problem}`)
  return reading.target
}

function addressProblems(raw: HostYaml, problemAt: ProblemAt): ConfigProblem[] {
  const unless = (ok: unknown, keys: KeyPath, problem: string): ConfigProblem[] =>
    ok ? [] : [problemAt(keys, problem)]
  const listen = (keys: KeyPath, text: string): ConfigProblem[] =>
    unless(listenAddress(text), keys, `must be "host:port" or "[v6]:port" (found "${text}")`)
  const network = (keys: KeyPath, text: string): ConfigProblem[] =>
    unless(isNetwork(text), keys, `must be a network such as 10.0.0.0/8 (found "${text}")`)
  // Whom one of these names can be anybody: not everybody may name one.
  const believed = (keys: KeyPath, text: string): ConfigProblem[] =>
    /\/0+$/.test(text)
      ? [problemAt(keys, `would believe whoever connects: name your proxies (found "${text}")`)]
      : network(keys, text)
  return [
    ...raw.imap.listen.flatMap((text, i) => listen(['imap', 'listen', i], text)),
    ...raw.imap.listen_tls.flatMap((text, i) => listen(['imap', 'listen_tls', i], text)),
    ...(raw.admin.listen === null ? [] : listen(['admin', 'listen'], raw.admin.listen)),
    ...raw.identity.exempt_networks.flatMap((text, i) => network(['identity', 'exempt_networks', i], text)),
    ...raw.imap.proxy_networks.flatMap((text, i) => believed(['imap', 'proxy_networks', i], text)),
    ...raw.imap.forwarding_networks.flatMap((text, i) => believed(['imap', 'forwarding_networks', i], text)),
  ]
}

function tlsProblems(raw: HostYaml, problemAt: ProblemAt): ConfigProblem[] {
  const { cert, key } = raw.imap.tls
  if ((cert === null) !== (key === null)) {
    return [problemAt(['imap', 'tls'], 'needs both cert and key, or neither')]
  }
  if (raw.imap.listen_tls.length > 0 && cert === null) {
    return [problemAt(['imap', 'listen_tls'], 'needs imap.tls.cert and imap.tls.key')]
  }
  if (raw.identity.client_ca !== null && cert === null) {
    return [problemAt(['identity', 'client_ca'], 'needs imap.tls.cert and imap.tls.key')]
  }
  return []
}

/** Tokens and what the answers tell must not cross a network in the clear. */
function adminProblems({ admin }: HostYaml, problemAt: ProblemAt): ConfigProblem[] {
  const { cert, key } = admin.tls
  if ((cert === null) !== (key === null))
    return [problemAt(['admin', 'tls'], 'needs both cert and key, or neither')]
  const address = admin.listen === null ? undefined : listenAddress(admin.listen)
  if (cert !== null || !address || isLoopback(address.host)) return []
  const problem = `is beyond this host: that needs admin.tls.cert and admin.tls.key (found "${address.host}")`
  return [problemAt(['admin', 'listen'], problem)]
}
