/** Positions that are remembered at once: after so many looks behind, the lag is known well enough. */
const MAX_POSITIONS = 1000

/** How far a process has come that decides. */
export interface Progress {
  readonly pid: number
  readonly sequence: number
}

/** For how long the workers have not taken in what was changed. Times are of a clock that only goes forward. */
export class ReplicaLag {
  /** When the replica was first seen at a sequence that not all have taken in, oldest first. */
  #positions: { readonly sequence: number; readonly atMs: number }[] = []
  readonly #firstSeen = new Map<number, number>()

  /**
   * Looks where the replica is, and how far each of `pids` has come; one that is not in `progress` has not begun to
   * decide. Gives the lag of the slowest.
   */
  look(nowMs: number, sequence: number, pids: readonly number[], progress: readonly Progress[]): number {
    this.#see(nowMs, sequence, pids)
    const lags = pids.map((pid) => {
      const one = progress.find((each) => each.pid === pid)
      const since = one
        ? this.#positions.find((position) => position.sequence > one.sequence)?.atMs
        : this.#firstSeen.get(pid)
      return nowMs - (since ?? nowMs)
    })
    const slowest = Math.min(...progress.map((one) => one.sequence))
    this.#positions = this.#positions.filter((position) => position.sequence > slowest)
    return Math.max(0, ...lags)
  }

  #see(nowMs: number, sequence: number, pids: readonly number[]): void {
    for (const pid of pids) if (!this.#firstSeen.has(pid)) this.#firstSeen.set(pid, nowMs)
    for (const pid of this.#firstSeen.keys()) if (!pids.includes(pid)) this.#firstSeen.delete(pid)
    const last = this.#positions.at(-1)
    // A replica that was put back to an older state counts anew.
    if (last && sequence < last.sequence) this.#positions = []
    if (last?.sequence !== sequence && this.#positions.length < MAX_POSITIONS)
      this.#positions.push({ sequence, atMs: nowMs })
  }
}
