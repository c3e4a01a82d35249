/** Work that is looked at again and again. */
export interface RepeatedLook {
  /** Resolves when the look that is under way is done; there is no other after it. */
  close(): Promise<void>
}

/** Calls `look` every `everyMs`, the first time after that long; one that takes longer leaves some out. */
export function lookEvery(
  everyMs: number,
  look: () => Promise<void>,
  onFault: (error: unknown) => void,
): RepeatedLook {
  let turn = Promise.resolve()
  let busy = false
  const timer = setInterval(() => {
    if (busy) return
    busy = true
    turn = look()
      .catch(onFault)
      .finally(() => (busy = false))
  }, everyMs)
  return {
    close: async () => {
      clearInterval(timer)
      await turn
    },
  }
}
