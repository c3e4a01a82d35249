import type { Override } from '../../policy/override'
import type { ATTESTATION } from '../stored-attestations'

/** The names of all keys of one store. One hash tag, made from the prefix, keeps them on one slot of a Cluster. */
export interface StoreKeys {
  /** Hash: schema, epoch, n, tip, octets, policy, policySha, mode, orders (how many); or lost, when the hosts know of a store that is gone. */
  readonly meta: string
  /** Hash: device id -> record as JSON. */
  readonly devices: string
  /** Hash: version -> policy version as JSON. */
  readonly policies: string
  /** Hash: kind/subject kind/subject id -> override as JSON; attestation/user/user -> what was stated, as JSON. */
  readonly overrides: string
  /** Hash: name -> what stands beside the policy, as JSON. */
  readonly notes: string
  /** Hash: number from 1, contiguous -> entry of the history as JSON. */
  readonly history: string
  /** Stream of the newest changes, one entry a write. */
  readonly log: string
  /** Sorted set: host id -> when it was last heard of, in seconds of the server's clock. */
  readonly hosts: string
  /** Stream of all hosts' block logs. */
  readonly journal: string
  /** Hash: a host's journal -> the number of its last entry in the stream; with `/lost` behind it, how many never came. */
  readonly journalEnds: string
  /** String with expiry: what a host last said of itself. */
  host(id: string): string
  /** String with expiry: the id of the host that runs a feed. */
  feed(name: string): string
}

/** `dg:` gives `dg:{dg}:meta` and so on; another prefix is another store, on another slot. */
export function storeKeys(prefix: string): StoreKeys {
  const root = `${prefix}{${prefix.replace(/:+$/, '')}}:`
  return {
    meta: `${root}meta`,
    devices: `${root}devices`,
    policies: `${root}policies`,
    overrides: `${root}overrides`,
    notes: `${root}notes`,
    history: `${root}history`,
    log: `${root}log`,
    hosts: `${root}hosts`,
    journal: `${root}journal`,
    journalEnds: `${root}journal-ends`,
    host: (id) => `${root}host:${id}`,
    feed: (name) => `${root}feed:${name}`,
  }
}

/** A person's or device's override in the store's hash. */
export const overrideField = (
  kind: Override['kind'] | typeof ATTESTATION,
  { kind: subjectKind, id }: Override['subject'],
): string => `${kind}/${subjectKind}/${id}`
