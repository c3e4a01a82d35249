import type { NewChange } from '../change-log'
import { readHistoryEntry } from '../history'
import { formatDeviceRecord, isDeviceId, parseDeviceRecord } from '../record'
import { putDeviceRow, removeDeviceRow, type ReplicaDatabase, type Tables } from '../replica-database'
import { ATTESTATION, readAttestations } from '../stored-attestations'
import { readDevice, readModeOverride, readNote, readOverride, readPolicyVersion } from '../stored'
import { ChainBreak } from './chain-break'
import type { Operation } from './log-entry'
import { countSetAside } from './set-aside'

/** What an operation changed, for the host's change log. */
export type Applied = NewChange | { readonly kind: 'nothing' }

/** A record that is longer is not one of ours: the longest the gate writes is shorter by far. */
const MAX_RECORD_CHARS = 512 * 1024

type Database = Pick<ReplicaDatabase, 'meta'>

/**
 * Does to `tables` what a write did to the store; inside a write transaction. What cannot be read is kept as
 * it is, so that its device gets the gate's fault and no stale verdict, and counted; the rest goes on.
 */
export function applyOperation(database: Database, tables: Tables, operation: Operation): Applied {
  switch (operation.kind) {
    case 'record':
      return applyRecord(database, tables, operation.record)
    case 'touch':
      return applyTouch(tables, operation)
    case 'forget': {
      const owners = isDeviceId(operation.deviceId) ? removeDeviceRow(tables, operation.deviceId) : undefined
      return owners ? { kind: 'device', deviceId: operation.deviceId, owners } : { kind: 'nothing' }
    }
    case 'policy':
      return applyPolicy(database, tables, operation.policy)
    case 'mode':
      return applyMode(database, operation.mode)
    case 'override':
      return applyOverride(database, tables, operation.override)
    case 'override removed':
      return removeOverride(tables, operation.key)
    case 'note': {
      const { name, value } = operation
      if (value === null || value === undefined) void tables.notes.remove(name)
      else putNote(database, tables, name, JSON.stringify(value))
      return { kind: 'policy' }
    }
    case 'history':
      return applyHistory(database, tables, operation.entry)
    case 'unknown':
      countSetAside(
        database.meta,
        `log: an operation ${JSON.stringify(operation.word)} that this version does not know`,
      )
      return { kind: 'policy' }
  }
}

/** The same for tables that may be newer than the operation already: what it touches may be gone. */
export function replayOperation(database: Database, tables: Tables, operation: Operation): Applied {
  const gone = operation.kind === 'touch' && tables.devices.get(operation.deviceId) === undefined
  return gone ? { kind: 'nothing' } : applyOperation(database, tables, operation)
}

function applyRecord(database: Database, tables: Tables, value: unknown): Applied {
  const id = (value as { id?: unknown } | null)?.id
  if (typeof id !== 'string' || !isDeviceId(id)) {
    countSetAside(database.meta, 'log: a record without a usable id')
    return { kind: 'nothing' }
  }
  return putRecord(database, tables, id, JSON.stringify(value))
}

/** A record as its text in the store's hash of devices. */
export function putRecord(database: Database, tables: Tables, id: string, text: string): Applied {
  const place = `devices/${id.slice(0, 256)}`
  if (!isDeviceId(id)) {
    countSetAside(database.meta, `${place}: its id cannot be one of a device`)
    return { kind: 'nothing' }
  }
  const reading = readRecord(id, text)
  if (!reading.ok) countSetAside(database.meta, `${place}: ${reading.problem}`)
  const owners = reading.ok
    ? putDeviceRow(tables, id, reading.text, reading.owners)
    : putDeviceRow(tables, id, reading.text, undefined)
  return { kind: 'device', deviceId: id, owners }
}

type RecordText =
  | { readonly ok: true; readonly text: string; readonly owners: readonly string[] }
  | { readonly ok: false; readonly text: string; readonly problem: string }

function readRecord(id: string, text: string): RecordText {
  if (text.length > MAX_RECORD_CHARS) {
    const stub = JSON.stringify({ id, too_large: text.length })
    return { ok: false, text: stub, problem: `${text.length} characters are too many for a record` }
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { ok: false, text, problem: 'not readable as JSON' }
  }
  const reading = parseDeviceRecord(value)
  if (!reading.ok) return { ok: false, text, problem: reading.problem }
  if (reading.record.id !== id) return { ok: false, text, problem: 'holds the record of another device' }
  return { ok: true, text: JSON.stringify(formatDeviceRecord(reading.record)), owners: reading.record.owners }
}

function applyTouch(
  tables: Tables,
  { deviceId, evidenceAt, version }: Extract<Operation, { kind: 'touch' }>,
): Applied {
  const text = tables.devices.get(deviceId)
  if (text === undefined)
    throw new ChainBreak(`this host does not hold device ${deviceId}, which has newer evidence`)
  const stored = unlessUnreadable(() => readDevice(deviceId, text))
  if (!stored) return { kind: 'nothing' }
  const touched = { ...stored, evidenceAt: Date.parse(evidenceAt), version }
  void tables.devices.put(deviceId, JSON.stringify(formatDeviceRecord(touched)))
  return { kind: 'device', deviceId, owners: stored.owners }
}

function applyPolicy(database: Database, tables: Tables, value: unknown): Applied {
  const version = (value as { version?: unknown } | null)?.version
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 1) {
    countSetAside(database.meta, 'log: a policy without a version')
    return { kind: 'nothing' }
  }
  return putPolicy(database, tables, version, JSON.stringify(value))
}

export function putPolicy(database: Database, tables: Tables, version: number, text: string): Applied {
  noteUnreadable(database, () => readPolicyVersion(version, text))
  void tables.policies.put(version, text)
  return { kind: 'policy' }
}

function applyMode(database: Database, value: unknown): Applied {
  putMode(database, value === null || value === undefined ? undefined : JSON.stringify(value))
  return { kind: 'policy' }
}

/** undefined takes the mode override away. */
export function putMode(database: Database, text: string | undefined): void {
  if (text === undefined) return void database.meta.remove('modeOverride')
  noteUnreadable(database, () => readModeOverride('meta/mode', text))
  void database.meta.put('modeOverride', text)
}

function applyOverride(database: Database, tables: Tables, value: unknown): Applied {
  const { kind, subject } = (value ?? {}) as { kind?: unknown; subject?: { kind?: unknown; id?: unknown } }
  return putOverride(database, tables, [kind, subject?.kind, subject?.id].map(String), JSON.stringify(value))
}

/** `key` is kind, subject kind, subject id. */
export function putOverride(
  database: Database,
  tables: Tables,
  key: readonly string[],
  text: string,
): Applied {
  const [kind = '', subjectKind = '', id = ''] = key
  const row = [subjectKind, id, kind]
  if (!isDeviceId(id.slice(0, 256)) || id.length > 320) {
    countSetAside(database.meta, `overrides/${key.join('/').slice(0, 256)}: on nobody`)
    return { kind: 'nothing' }
  }
  if (kind === ATTESTATION) {
    noteUnreadable(database, () => readAttestations(id, text))
    void tables.attestations.put(id, text)
  } else {
    noteUnreadable(database, () => readOverride(row, text))
    void tables.overrides.put(row, text)
  }
  return overrideChange(subjectKind, id)
}

/** `key` is kind, subject kind, subject id. */
export function removeOverride(tables: Tables, key: readonly string[]): Applied {
  const [kind = '', subjectKind = '', id = ''] = key
  if (kind === ATTESTATION) void tables.attestations.remove(id)
  else void tables.overrides.remove([subjectKind, id, kind])
  return overrideChange(subjectKind, id)
}

export function putNote(database: Database, tables: Tables, name: string, text: string): void {
  noteUnreadable(database, () => readNote(name, text))
  void tables.notes.put(name, text)
}

function applyHistory(database: Database, tables: Tables, value: unknown): Applied {
  const n = (value as { n?: unknown } | null)?.n
  if (typeof n !== 'number' || !Number.isSafeInteger(n) || n < 1) {
    countSetAside(database.meta, 'log: an entry of the history without a number')
    return { kind: 'nothing' }
  }
  putHistoryEntry(database, tables, n, JSON.stringify(value))
  // What the order did stands beside it in the same entry of the log.
  return { kind: 'nothing' }
}

export function putHistoryEntry(database: Database, tables: Tables, n: number, text: string): void {
  noteUnreadable(database, () => readHistoryEntry(n, text))
  void tables.history.put(n, text)
}

const overrideChange = (subjectKind: string, id: string): Applied =>
  subjectKind === 'device' || subjectKind === 'user'
    ? { kind: 'override', subject: { kind: subjectKind, id } }
    : { kind: 'nothing' }

function noteUnreadable(database: Database, read: () => unknown): void {
  try {
    read()
  } catch (error) {
    countSetAside(database.meta, (error as Error).message)
  }
}

function unlessUnreadable<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
