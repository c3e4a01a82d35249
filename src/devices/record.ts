import { normaliseUser } from '../policy/user-name'
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

export { normaliseUser }

/** Whether a record may have this id; any other names no device. */
export const isDeviceId = (text: string): boolean => isText(text, RECORD_LIMITS.idChars)

/** Whether a record may have this owner, which must be normalised. */
export const isUserName = (text: string): boolean => isText(text, RECORD_LIMITS.ownerChars)

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

/** Control characters, line ends, and halves of surrogate pairs, which UTF-8 cannot tell apart. */
// eslint-disable-next-line no-control-regex -- these are exactly the characters to refuse
const UNUSABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\p{Surrogate}]/u
const RFC3339 =
  /^\d{4}-\d\d-\d\d[Tt]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$/
/** The years 0000 to 9999, in UTC: what RFC 3339 can write. */
const FIRST_MS = Date.parse('0000-01-01T00:00:00Z')
const LAST_MS = Date.parse('9999-12-31T23:59:59.999Z')
const SHORTEST_MONTH_DAYS = 28

/** Parses one record of the wire form; the problem names the field and what it should be. */
export function parseDeviceRecord(value: unknown): RecordReading {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return bad('not an object')
  const fields = value as Record<string, unknown>
  const unknownKey = Object.keys(fields).find((key) => !RECORD_KEYS.includes(key))
  if (unknownKey !== undefined)
    return bad(`unknown field ${JSON.stringify(unknownKey.slice(0, 64))}; known: ${RECORD_KEYS.join(', ')}`)

  const { id, platform, state, source, version } = fields
  if (!isText(id, RECORD_LIMITS.idChars)) return bad(`id: ${textRule(RECORD_LIMITS.idChars)}`)
  const owners = texts(fields['owners'], RECORD_LIMITS.owners, RECORD_LIMITS.ownerChars, normaliseUser)
  if (!owners)
    return bad(
      `owners: a list of at most ${RECORD_LIMITS.owners} mail addresses, each ${textRule(RECORD_LIMITS.ownerChars)}`,
    )
  const knownPlatform = PLATFORMS.find((known) => known === platform)
  if (!knownPlatform) return bad(`platform: ${shown(platform)} is none of ${PLATFORMS.join(', ')}`)
  const knownState = STATES.find((known) => known === state)
  if (!knownState) return bad(`state: ${shown(state)} is none of ${STATES.join(', ')}`)
  const findings = texts(fields['findings'] ?? [], RECORD_LIMITS.findings, RECORD_LIMITS.findingChars)
  if (!findings)
    return bad(
      `findings: a list of at most ${RECORD_LIMITS.findings} findings, each ${textRule(RECORD_LIMITS.findingChars)}`,
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
      owners,
      platform: knownPlatform,
      state: knownState,
      findings,
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
  typeof value === 'string' && value.length > 0 && value.length <= maxChars && !UNUSABLE.test(value)

const textRule = (maxChars: number): string =>
  `a text of 1 to ${maxChars} characters without control characters`

/** Each text once. */
function texts(
  value: unknown,
  maxCount: number,
  maxChars: number,
  normalise = (text: string): string => text,
): string[] | undefined {
  if (!Array.isArray(value) || value.length > maxCount) return undefined
  const items = value.map((item: unknown) => (typeof item === 'string' ? normalise(item) : item))
  return items.every((item) => isText(item, maxChars)) ? [...new Set(items)] : undefined
}

function timeOf(value: unknown): number | undefined {
  if (typeof value !== 'string' || !RFC3339.test(value) || !hasDay(value.slice(0, 10))) return undefined
  const ms = Date.parse(value)
  return ms >= FIRST_MS && ms <= LAST_MS ? ms : undefined
}

/** Date.parse takes the 31st of June for the 1st of July. */
function hasDay(date: string): boolean {
  if (Number(date.slice(8)) <= SHORTEST_MONTH_DAYS) return true
  const day = new Date(`${date}T00:00:00Z`)
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(date)
}

/** A bad value as an error may show it: short, on one line. */
function shown(value: unknown): string {
  if (value === undefined) return 'missing: it'
  return JSON.stringify(value).slice(0, 64)
}
