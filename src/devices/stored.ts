import type { DeviceRecord } from '../policy/device'
import type { Override } from '../policy/override'
import type { Mandate, Policy } from '../policy/policy'
import { ACTIONS, MANDATE_MODES, MODES, PLATFORMS } from '../policy/vocabulary'
import { parseDeviceRecord } from './record'
import {
  CorruptRecordError,
  type Authorship,
  type Change,
  type ModeOverride,
  type PolicyVersion,
} from './store'

/**
 * From stored text to values. Each of these throws CorruptRecordError for a text that is anything else than
 * what was written: a lock or a policy that is half there must not become a silent allow.
 */
export function readDevice(id: string, text: string): DeviceRecord {
  const place = `devices/${id}`
  const reading = parseDeviceRecord(json(place, text))
  if (!reading.ok) throw new CorruptRecordError(place, reading.problem)
  if (reading.record.id !== id) throw new CorruptRecordError(place, 'holds the record of another device')
  return reading.record
}

export function readOverride(key: readonly unknown[], text: string): Override {
  const place = `overrides/${key.join('/')}`
  const value = json(place, text)
  if (!isObject(value)) throw damaged(place)
  const { kind, subject, author, reason, createdAt, expiresAt } = value
  const known =
    (kind === 'exemption' || kind === 'lock') &&
    isObject(subject) &&
    [subject['kind'], subject['id'], kind].every((part, i) => part === key[i]) &&
    areTexts(author, reason) &&
    areNumbers(createdAt) &&
    (expiresAt === null || areNumbers(expiresAt))
  if (!known) throw damaged(place)
  return value as unknown as Override
}

export function readModeOverride(place: string, text: string): ModeOverride {
  const value = json(place, text)
  if (!isObject(value) || !isOneOf(MODES, value['mode']) || !isAuthorship(value)) throw damaged(place)
  return value as unknown as ModeOverride
}

export function readPolicyVersion(version: number, text: string): PolicyVersion {
  const place = `policies/${version}`
  const value = json(place, text)
  const known =
    isObject(value) &&
    value['version'] === version &&
    isAuthorship(value) &&
    areTexts(value['sourceText']) &&
    isPolicy(value['policy'])
  if (!known) throw damaged(place)
  return value as unknown as PolicyVersion
}

export function readNote(name: string, text: string): unknown {
  const value = json(`notes/${name}`, text)
  if (!isObject(value)) throw damaged(`notes/${name}`)
  return value
}

/** undefined: damaged. The reader then knows that something changed, and not what. */
export function readChange(sequence: number, text: string): Change | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isObject(value) || value['sequence'] !== sequence) return undefined
  const { kind, deviceId, owners, subject } = value
  const known =
    kind === 'policy' ||
    (kind === 'device' && areTexts(deviceId) && Array.isArray(owners) && owners.every((o) => areTexts(o))) ||
    (kind === 'override' &&
      isObject(subject) &&
      isOneOf(['device', 'user'], subject['kind']) &&
      areTexts(subject['id']))
  return known ? (value as unknown as Change) : undefined
}

function isPolicy(value: unknown): value is Policy {
  if (!isObject(value)) return false
  const { mode, maxNewBlocks, unknown, stale, noncompliant, grace, contact, groups, mandates, tests } = value
  return (
    isOneOf(MODES, mode) &&
    isObject(maxNewBlocks) &&
    areNumbers(maxNewBlocks['percent'], maxNewBlocks['count']) &&
    isObject(stale) &&
    areNumbers(stale['afterMs']) &&
    [unknown, noncompliant, grace, stale['action']].every((action) => isOneOf(ACTIONS, action)) &&
    areTexts(contact) &&
    (groups === undefined || (isObject(groups) && Object.values(groups).every(isTextList))) &&
    Array.isArray(mandates) &&
    mandates.every(isMandate) &&
    Array.isArray(tests)
  )
}

function isMandate(value: unknown): value is Mandate {
  if (!isObject(value)) return false
  const { id, finding, appIds, platforms, groups, mode, warnFrom, deadline, stages, until, message } = value
  return (
    areTexts(id, finding, message) &&
    (appIds === undefined || isTextList(appIds)) &&
    areNumbers(warnFrom, deadline) &&
    Array.isArray(platforms) &&
    platforms.every((platform) => isOneOf(PLATFORMS, platform)) &&
    (groups === undefined || isTextList(groups)) &&
    (mode === undefined || isOneOf(MANDATE_MODES, mode)) &&
    (until === undefined || areNumbers(until)) &&
    (stages === undefined || (Array.isArray(stages) && stages.every(isStage)))
  )
}

const isStage = (value: unknown): boolean =>
  isObject(value) &&
  areNumbers(value['from']) &&
  ('percent' in value ? areNumbers(value['percent']) : isTextList(value['groups']))

const isTextList = (value: unknown): boolean => Array.isArray(value) && areTexts(...(value as unknown[]))

function json(place: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new CorruptRecordError(place, 'not readable as JSON')
  }
}

const damaged = (place: string): CorruptRecordError => new CorruptRecordError(place, 'is damaged')

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isAuthorship = (value: Record<string, unknown>): value is Record<keyof Authorship, unknown> =>
  areTexts(value['author'], value['reason']) && areNumbers(value['at'])

const areTexts = (...values: readonly unknown[]): boolean =>
  values.every((value) => typeof value === 'string')

const areNumbers = (...values: readonly unknown[]): boolean => values.every(Number.isFinite)

const isOneOf = (known: readonly unknown[], value: unknown): boolean => known.includes(value)
