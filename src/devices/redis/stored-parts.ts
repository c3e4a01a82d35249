import type { NewChange } from '../change-log'
import { removeDeviceRow, type ReplicaDatabase, type Tables } from '../replica-database'
import {
  putHistoryEntry,
  putMode,
  putNote,
  putOverride,
  putPolicy,
  putRecord,
  removeOverride,
  type Applied,
} from './apply'

/** Some of what the store has now; undefined stands for what it does not have. */
export interface StoredParts {
  readonly devices: readonly (readonly [id: string, text: string | undefined])[]
  /** Keys are kind, subject kind, subject id. */
  readonly overrides: readonly (readonly [key: readonly [string, string, string], text: string | undefined])[]
  /** undefined: nothing of it was changed. */
  readonly orders: Orders | undefined
}

/** Policies, mode, what stands beside them and their history, whole. */
export interface Orders {
  readonly policies: ReadonlyMap<number, string>
  readonly notes: ReadonlyMap<string, string>
  readonly history: ReadonlyMap<number, string>
  readonly mode: string | undefined
}

/** Makes `tables` hold just that, and gives what it changed; inside a write transaction. */
export function putStored(
  database: Pick<ReplicaDatabase, 'meta'>,
  tables: Tables,
  { devices, overrides, orders }: StoredParts,
): NewChange[] {
  const applied: NewChange[] = []
  const note = (change: Applied): unknown => change.kind !== 'nothing' && applied.push(change)
  for (const [id, text] of devices) {
    if (text !== undefined) note(putRecord(database, tables, id, text))
    else applied.push({ kind: 'device', deviceId: id, owners: removeDeviceRow(tables, id) ?? [] })
  }
  for (const [key, text] of overrides) {
    note(text === undefined ? removeOverride(tables, key) : putOverride(database, tables, key, text))
  }
  if (!orders) return applied
  for (const version of [...tables.policies.getKeys({})]) {
    if (!orders.policies.has(Number(version))) void tables.policies.remove(version)
  }
  for (const n of [...tables.history.getKeys({})]) {
    if (!orders.history.has(Number(n))) void tables.history.remove(n)
  }
  for (const name of [...tables.notes.getKeys({})]) {
    if (!orders.notes.has(String(name))) void tables.notes.remove(name)
  }
  putOrders(database, tables, orders)
  putMode(database, orders.mode)
  applied.push({ kind: 'policy' })
  return applied
}

/** All but the mode, which is not part of a set of data; inside a write transaction. */
export function putOrders(
  database: Pick<ReplicaDatabase, 'meta'>,
  tables: Tables,
  { policies, notes, history }: Orders,
): void {
  for (const [version, text] of policies) putPolicy(database, tables, version, text)
  for (const [name, text] of notes) putNote(database, tables, name, text)
  for (const [n, text] of history) putHistoryEntry(database, tables, n, text)
}
