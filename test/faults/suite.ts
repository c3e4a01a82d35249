import { FAULTS } from './faults'
import type { Fault } from './fault'
import { Random } from './random'
import { FaultSite } from './site'

/**
 * Lets `faults` happen in the order and with the timing that `seed` gives, and tells a line for each. Throws at
 * the first that broke a promise.
 */
export async function runFaults(
  faults: readonly Fault[],
  seed: number,
  tell: (line: string) => void,
): Promise<void> {
  const random = new Random(seed)
  const site = await FaultSite.start(random)
  const sums = { acknowledged: 0, refused: 0, longest: 0 }
  try {
    let run = 0
    for (const fault of faults) {
      run += 1
      const from = performance.now()
      try {
        const { acknowledged, refused, maybe, lost, longestAllowMs } = await site.run(fault, random)
        const named =
          lost.length === 0
            ? ''
            : `; named as lost: ${[...new Set(lost.map(({ from, to }) => `${from} to ${to}`))].join(', ')}`
        tell(
          `${run}. ${fault.name}: ${acknowledged} writes acknowledged, ${refused} refused, ${maybe} unknown; ` +
            `let through ${Math.max(0, longestAllowMs)} ms after a block at most (bound ${site.boundMs})${named}; ` +
            `${((performance.now() - from) / 1000).toFixed(1)} s`,
        )
        sums.acknowledged += acknowledged
        sums.refused += refused
        sums.longest = Math.max(sums.longest, longestAllowMs)
      } catch (error) {
        throw new Error(`run ${run}, ${fault.name}, seed ${seed}: ${(error as Error).message}`, {
          cause: error,
        })
      }
    }
    tell(
      `${run} runs, seed ${seed}: ${sums.acknowledged} writes acknowledged, none lost but what was named; ` +
        `${site.decisions} decisions, at most ${sums.longest} ms after a block let through; no crash`,
    )
  } finally {
    await site.remove()
  }
}

/** All faults, in the order of the seed; more runs than there are faults begin anew. */
export function faultsOf(seed: number, runs: number): Fault[] {
  const random = new Random(seed)
  const list: Fault[] = []
  while (list.length < runs) list.push(...random.shuffled(FAULTS))
  return list.slice(0, runs)
}

export const freshSeed = (): number => Math.floor(Math.random() * 1_000_000)
