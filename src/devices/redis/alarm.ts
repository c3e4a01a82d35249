/** A pause that can be cut short. */
export class Alarm {
  #ring: (() => void) | undefined
  #rung = false

  /** Resolves after `ms`, or as soon as the alarm rings; at once when it rang since the last pause. */
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        this.#ring = undefined
        this.#rung = false
        resolve()
      }
      const timer = setTimeout(done, ms)
      this.#ring = done
      if (this.#rung) done()
    })
  }

  ring(): void {
    if (this.#ring) this.#ring()
    else this.#rung = true
  }
}
