import type { CertificateRule } from '../identity/client-certificate'
import type { OauthRules } from '../identity/oauth-token'
import type { Enforcement, FailMode, UnidentifiedRule } from '../policy/vocabulary'
import type { RedisTarget } from './redis-url'

/** `device_gate.yaml`, parsed and valid. Paths are absolute; times are in the unit their name says. */
export interface HostConfig {
  readonly enforcement: Enforcement
  readonly stateDir: string
  readonly failMode: FailMode
  readonly store: {
    readonly kind: 'embedded' | 'redis'
    readonly redis: { readonly target: RedisTarget; readonly keyPrefix: string }
    readonly leaseS: number
  }
  readonly policy: { readonly source: 'file' | 'fleet' }
  readonly identity: {
    readonly unidentified: UnidentifiedRule
    readonly tag: { readonly separator: string; readonly keyFile: string }
    /** PEM bundle of the CA that issues device certificates, or null. */
    readonly clientCa: string | null
    readonly certificateDevice: CertificateRule
    /** null: tokens prove no device. */
    readonly oauth: OauthRules | null
    /** CIDR networks. */
    readonly exemptNetworks: readonly string[]
  }
  readonly smtp: { readonly enabled: boolean }
  readonly imap: ImapConfig
  readonly journal: JournalConfig
  readonly attestation: AttestationConfig
  readonly admin: AdminConfig
}

export interface AdminConfig {
  /** null: there is no admin server. */
  readonly listen: ListenAddress | null
  readonly tokenFile: string
  readonly tls: { readonly cert: string; readonly key: string } | null
}

export interface AttestationConfig {
  /** Where people reach the links, without a slash at its end; null: it is off. */
  readonly url: string | null
  /** How long a statement counts. */
  readonly validMs: number
}

export interface JournalConfig {
  readonly maxAgeMs: number
  readonly maxEntries: number
  readonly pseudonymise: boolean
}

export interface ImapConfig {
  readonly enabled: boolean
  readonly listen: readonly ListenAddress[]
  readonly listenTls: readonly ListenAddress[]
  readonly tls: { readonly cert: string; readonly key: string } | null
  /** CIDR networks whose connections begin with a PROXY header. */
  readonly proxyNetworks: readonly string[]
  /** CIDR networks that are believed whom they speak for, by ID. */
  readonly forwardingNetworks: readonly string[]
  readonly plaintextLogin: 'never' | 'loopback' | 'always'
  readonly upstream: {
    readonly host: string
    readonly port: number
    readonly tls: 'none' | 'starttls' | 'implicit'
    /** PEM bundle to check the upstream's certificate against; null: the system's. */
    readonly ca: string | null
  }
  readonly limits: {
    readonly connections: number
    readonly perAddress: number
    /** Seconds from connect to login. */
    readonly loginS: number
    /** Octets. */
    readonly line: number
    /** Octets. */
    readonly literal: number
  }
  readonly revokeSpreadS: number
}

export interface ListenAddress {
  readonly host: string
  readonly port: number
}
