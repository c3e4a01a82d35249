/** What a decision was made from, known or not: it may be another one when one of these changes. */
export interface Sources {
  readonly user: string
  readonly deviceIds: readonly string[]
}

/** Finds what stems from a user or device. */
export class SourceIndex<T> {
  readonly #byUser = new Map<string, T | Set<T>>()
  readonly #byDevice = new Map<string, T | Set<T>>()

  add({ user, deviceIds }: Sources, item: T): void {
    add(this.#byUser, user, item)
    for (const id of deviceIds) add(this.#byDevice, id, item)
  }

  remove({ user, deviceIds }: Sources, item: T): void {
    remove(this.#byUser, user, item)
    for (const id of deviceIds) remove(this.#byDevice, id, item)
  }

  /** A copy: items may be removed while it is gone through. */
  ofUser(user: string): T[] {
    return items(this.#byUser.get(user))
  }

  /** A copy as well. */
  ofDevice(id: string): T[] {
    return items(this.#byDevice.get(id))
  }

  clear(): void {
    this.#byUser.clear()
    this.#byDevice.clear()
  }
}

/** Most sources have one item: a set is made for the second. */
function add<T>(index: Map<string, T | Set<T>>, source: string, item: T): void {
  const found = index.get(source)
  if (found === undefined) index.set(source, item)
  else if (found instanceof Set) found.add(item)
  else if (found !== item) index.set(source, new Set([found, item]))
}

function remove<T>(index: Map<string, T | Set<T>>, source: string, item: T): void {
  const found = index.get(source)
  if (found === item || (found instanceof Set && found.delete(item) && found.size === 0)) index.delete(source)
}

const items = <T>(found: T | Set<T> | undefined): T[] =>
  found === undefined ? [] : found instanceof Set ? [...found] : [found]
