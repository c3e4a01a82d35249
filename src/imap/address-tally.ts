/** One connection, and the address that it counts for; undefined: for none yet. */
export interface Counted {
  address: string | undefined
}

/** How many connections there are from each address. */
export class AddressTally {
  readonly #connections = new Map<string, number>()

  /** Lets a connection count for `address`, unless that has `limit` already; says whether it does. */
  count(connection: Counted, address: string, limit: number): boolean {
    if (connection.address === address) return true
    const others = this.#connections.get(address) ?? 0
    if (others >= limit) return false
    this.release(connection)
    this.#connections.set(address, others + 1)
    connection.address = address
    return true
  }

  /** The connection counts no more. */
  release(connection: Counted): void {
    const { address } = connection
    if (address === undefined) return
    connection.address = undefined
    const left = (this.#connections.get(address) ?? 1) - 1
    if (left > 0) this.#connections.set(address, left)
    else this.#connections.delete(address)
  }
}
