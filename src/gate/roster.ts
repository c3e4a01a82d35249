/** What a roster can hold; `place` is the roster's to write. */
export interface Listed {
  place: number
}

/**
 * Who is here now, of those that come and go a thousand times a second. A Set would be rehashed over and over;
 * V8 links each outgrown table to its successor, so that one of them in the old generation keeps all that were
 * members since through the collections of the young one: each login would be copied, and collected late.
 */
export class Roster<T extends Listed> {
  readonly #members: T[] = []

  get size(): number {
    return this.#members.length
  }

  add(member: T): void {
    member.place = this.#members.push(member) - 1
  }

  /** Does nothing when it is no member. */
  delete(member: T): void {
    if (this.#members[member.place] !== member) return
    const last = this.#members.pop()
    if (last === undefined || last === member) return
    this.#members[member.place] = last
    last.place = member.place
  }

  /** Every member that stays, whoever leaves meanwhile; one may come twice then. */
  *[Symbol.iterator](): Generator<T> {
    for (let place = this.#members.length - 1; place >= 0; place -= 1) {
      const member = this.#members[place]
      if (member) yield member
    }
  }
}
