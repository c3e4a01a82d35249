/** What a figure must reach to hold. */
export type Target = { readonly atMost: number } | { readonly atLeast: number }

export interface Figure {
  /** The file under bench/ that made it. */
  readonly bench: string
  readonly figure: string
  readonly value: number
  readonly unit: string
  /** Left out where the figure is for information only. */
  readonly target?: Target
  /** What a reader needs to judge it: counts, the values it was made from. */
  readonly context?: Readonly<Record<string, string | number>>
}

/** Prints a figure as one JSON line; one that misses its target makes the bench exit with 1. */
export function printFigure({ bench, figure, value, unit, target, context }: Figure): void {
  const met = target && ('atMost' in target ? value <= target.atMost : value >= target.atLeast)
  const bound = target && ('atMost' in target ? `<= ${target.atMost}` : `>= ${target.atLeast}`)
  const line = { bench, figure, value: significant(value), unit, target: bound, met, ...context }
  process.stdout.write(`${JSON.stringify(line)}\n`)
  if (met === false) process.exitCode = 1
}

/** Median and 99th percentile of `samples`, the latter against the target. */
export function printLatency(
  { figure, target, ...about }: Omit<Figure, 'value'>,
  samples: ArrayLike<number>,
): void {
  printFigure({ ...about, figure: `${figure}, p50`, value: quantile(samples, 0.5) })
  const p99 = { ...about, figure: `${figure}, p99`, value: quantile(samples, 0.99) }
  printFigure(target ? { ...p99, target } : p99)
}

/** Four digits: more would claim a precision that no run has. */
export const significant = (value: number): number => Number(value.toPrecision(4))

/** The value below which `share` (0 to 1) of the samples lie, by nearest rank. */
export function quantile(samples: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(samples).sort()
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN
}

export const median = (samples: ArrayLike<number>): number => quantile(samples, 0.5)
