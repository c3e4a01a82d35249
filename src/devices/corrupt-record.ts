/** How an entry that cannot be read is mended, by its database. */
const MENDING: Readonly<Partial<Record<string, string>>> = {
  devices: "write it again (device-gate device put, or the feed's next sweep) to mend it",
  overrides: 'add or remove it again (device-gate exempt or lock) to mend it',
  attestations: 'take it away (device-gate attest remove, whatever the device) to mend it',
  policies: 'save the policy file with a change, so that a new version takes its place',
  meta: 'set or take away the mode (device-gate mode) to mend it',
  history: 'device-gate audit verify tells what is left of it; restore a backup',
  notes: 'device-gate policy confirm, policy unpin or certificate add writes it again',
}

/** A stored value that cannot be read: that entry alone is out of order, the rest of the store is well. */
export class CorruptRecordError extends Error {
  override readonly name = 'CorruptRecordError'
  readonly code = 'ERR_CORRUPT_RECORD'
  constructor(
    /** The database and key it is stored under, e.g. `devices/d-1`. */
    readonly place: string,
    readonly problem: string,
  ) {
    super(`${place}: ${problem}; ${MENDING[place.slice(0, place.indexOf('/'))] ?? 'write it again'}`)
  }

  /** The key alone: a device's id, a number of a version or order. */
  get key(): string {
    return this.place.slice(this.place.indexOf('/') + 1)
  }
}
