import type { DeviceRecord } from '../policy/device'
import { PLATFORMS, STATES } from '../policy/vocabulary'

/** Bounds of a device record; each keeps one feed from filling the replica or a log line. */
export const RECORD_LIMITS = {
  idChars: 256,
  owners: 32,
  ownerChars: 320,
  findings: 256,
  findingChars: 256,
  sourceChars: 64,
} as const

export type RecordReading =
  { readonly ok: true; readonly record: DeviceRecord } | { readonly ok: false; readonly problem: string }

/** The form that people and feeds write: RFC 3339 time, snake case. */
export interface WireRecord {
  readonly id: string
  readonly owners: readonly string[]
  readonly platform: string
  readonly state: string
  readonly findings: readonly string[]
  readonly evidence_at: string
  readonly source: string
  readonly version: number
}

/**
 * A mail address or login name as records, overrides and decisions compare it: NFC, trimmed, lower case.
 * The local part is folded too: RFC 5321 lets it differ in case, but no mailbox here is told apart by that.
 */
export const normaliseUser = (name: string): string => name.trim().normalize('NFC').toLowerCase()

/** The names of a record's fields, in NDJSON and as CSV columns. */
export const RECORD_KEYS: readonly string[] = [
  'id',
  'owners',
  'platform',
  'state',
  'findings',
  'evidence_at',
  'source',
  'version',
]
// eslint-disable-next-line no-control-regex -- ids and names with control characters are refused
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/
const RFC3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/

/** Parses one record of the wire form; the problem names the field and what it should be. */
export function parseDeviceRecord(value: unknown): RecordReading {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return bad('not an object')
  const fields = value as Record<string, unknown>
  const unknownKey = Object.keys(fields).find((key) => !RECORD_KEYS.includes(key))
  if (unknownKey !== undefined)
    return bad(`unknown field ${JSON.stringify(unknownKey.slice(0, 64))}; known: ${RECORD_KEYS.join(', ')}`)

  const { id, platform, state, source, version } = fields
  if (!isText(id, RECORD_LIMITS.idChars)) return bad(`id: ${textRule(RECORD_LIMITS.idChars)}`)
  const owners = texts(fields['owners'], RECORD_LIMITS.owners, RECORD_LIMITS.ownerChars)
  if (!owners) return bad(`owners: a list of at most ${RECORD_LIMITS.owners} mail addresses`)
  const knownPlatform = PLATFORMS.find((known) => known === platform)
  if (!knownPlatform) return bad(`platform: ${shown(platform)} is none of ${PLATFORMS.join(', ')}`)
  const knownState = STATES.find((known) => known === state)
  if (!knownState) return bad(`state: ${shown(state)} is none of ${STATES.join(', ')}`)
  const findings = texts(fields['findings'] ?? [], RECORD_LIMITS.findings, RECORD_LIMITS.findingChars)
  if (!findings)
    return bad(
      `findings: a list of at most ${RECORD_LIMITS.findings} texts of at most ${RECORD_LIMITS.findingChars} characters`,
    )
  const evidenceAt = timeOf(fields['evidence_at'])
  if (evidenceAt === undefined)
    return bad(
      `evidence_at: ${shown(fields['evidence_at'])} is no RFC 3339 time with a zone, as 2026-11-20T08:00:00Z`,
    )
  if (!isText(source, RECORD_LIMITS.sourceChars)) return bad(`source: ${textRule(RECORD_LIMITS.sourceChars)}`)
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 0) {
    return bad(`version: ${shown(version)} is no whole number from 0 to 2^53-1`)
  }
  return {
    ok: true,
    record: {
      id,
      owners: [...new Set(owners.map(normaliseUser))],
      platform: knownPlatform,
      state: knownState,
      findings: [...new Set(findings)],
      evidenceAt,
      source,
      version,
    },
  }
}

/** Back to the wire form; `parseDeviceRecord` reads it to an equal record. */
export const formatDeviceRecord = (record: DeviceRecord): WireRecord => ({
  id: record.id,
  owners: record.owners,
  platform: record.platform,
  state: record.state,
  findings: record.findings,
  evidence_at: new Date(record.evidenceAt).toISOString(),
  source: record.source,
  version: record.version,
})

const bad = (problem: string): RecordReading => ({ ok: false, problem })

const isText = (value: unknown, maxChars: number): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= maxChars && !CONTROL.test(value)

const textRule = (maxChars: number): string =>
  `a text of 1 to ${maxChars} characters without control characters`

function texts(value: unknown, maxCount: number, maxChars: number): string[] | undefined {
  if (!Array.isArray(value) || value.length > maxCount) return undefined
  return value.every((item) => isText(item, maxChars)) ? value : undefined
}

function timeOf(value: unknown): number | undefined {
  if (typeof value !== 'string' || !RFC3339.test(value)) return undefined
  const ms = Date.parse(value)
  return Number.isNaN(ms) ? undefined : ms
}

/** A bad value as an error may show it: short, on one line. */
function shown(value: unknown): string {
  if (value === undefined) return 'missing: it'
  return JSON.stringify(value).slice(0, 64)
}
