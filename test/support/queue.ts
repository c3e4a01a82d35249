/** What was told, in the order it came, to be waited for one by one. */
export class Queue<T> {
  readonly #items: T[] = []
  readonly #waiting: ((item: T) => void)[] = []

  readonly push = (item: T): void => {
    const waiting = this.#waiting.shift()
    if (waiting) waiting(item)
    else this.#items.push(item)
  }

  next(): Promise<T> {
    const item = this.#items.shift()
    return item === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(item)
  }

  /** The first one from here on that `is` says yes to. */
  async until(is: (item: T) => boolean): Promise<T> {
    for (;;) {
      const item = await this.next()
      if (is(item)) return item
    }
  }
}
