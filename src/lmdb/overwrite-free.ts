import type { Environment } from './environment'

/** Two of them fill a page. */
const FILLER = '\0'.repeat(1900)
const FILLERS_AT_ONCE = 1000
/** A page that was freed by the newest transactions may be used again only by those after them. */
const ROUNDS = 2

/**
 * Overwrites what was in pages that nothing refers to any more: LMDB leaves it there until it needs the page. Done by filling
 * all that is free, in transactions that hold up others for some milliseconds each, and giving it back.
 */
export async function overwriteFree(environment: Environment): Promise<void> {
  const filler = environment.database('filler')
  const empty = async (): Promise<void> => {
    for (;;) {
      environment.refresh()
      const keys = [...filler.getKeys({ limit: FILLERS_AT_ONCE })]
      if (keys.length === 0) return
      await environment.write(() => keys.forEach((key) => void filler.remove(key)))
    }
  }
  // Of one that was killed.
  await empty()
  for (let round = 0; round < ROUNDS; round += 1) {
    const count = 2 * environment.freePages() + FILLERS_AT_ONCE
    for (let done = 0; done < count; done += FILLERS_AT_ONCE) {
      await environment.write(() => {
        for (let i = 0; i < FILLERS_AT_ONCE; i += 1) void filler.put(done + i, FILLER)
      })
    }
    await empty()
  }
}
