import { median, printFigure, type Target } from '../figure'

const BENCH = 'imap'
const OURS = 'gate'
const YARDSTICK = 'nginx'

interface Rounds {
  readonly perCpuSecond: number[]
  readonly perSecond: number[]
}

/** One kind of work, done through each proxy in alternate rounds. */
export class RoundFigures {
  readonly #rounds = new Map<string, Rounds>()

  constructor(private readonly unit: string) {}

  add(proxy: string, perCpuSecond: number, perSecond: number): void {
    const rounds = this.#rounds.get(proxy) ?? { perCpuSecond: [], perSecond: [] }
    this.#rounds.set(proxy, rounds)
    rounds.perCpuSecond.push(perCpuSecond)
    rounds.perSecond.push(perSecond)
  }

  /** The rates of each, and ours beside nginx's, round by round. */
  print(target: Target): void {
    for (const [proxy, { perCpuSecond, perSecond }] of this.#rounds) {
      const context = {
        min: Math.round(Math.min(...perCpuSecond)),
        max: Math.round(Math.max(...perCpuSecond)),
      }
      const figure = `${this.unit} through ${proxy}`
      printFigure({ bench: BENCH, figure, value: median(perCpuSecond), unit: 'per CPU second', context })
      printFigure({ bench: BENCH, figure, value: median(perSecond), unit: 'per second' })
    }
    const yardstick = this.#rounds.get(YARDSTICK)?.perCpuSecond ?? []
    const ratios = (this.#rounds.get(OURS)?.perCpuSecond ?? []).map(
      (value, i) => value / (yardstick[i] ?? NaN),
    )
    const context = { rounds: ratios.length, min: Math.min(...ratios), max: Math.max(...ratios) }
    const figure = `${this.unit} per CPU second, ${OURS} ÷ ${YARDSTICK}`
    printFigure({ bench: BENCH, figure, value: median(ratios), unit: 'ratio', target, context })
  }
}

/** One value for each proxy, and ours ÷ nginx's where that has a target. */
export function printEach(
  figure: string,
  unit: string,
  values: ReadonlyMap<string, number>,
  targets: { readonly ours?: Target; readonly ratio?: Target },
): void {
  for (const [proxy, value] of values) {
    const target = proxy === OURS ? targets.ours : undefined
    printFigure({ bench: BENCH, figure: `${figure}, ${proxy}`, value, unit, ...(target && { target }) })
  }
  if (!targets.ratio) return
  const value = (values.get(OURS) ?? NaN) / (values.get(YARDSTICK) ?? NaN)
  printFigure({
    bench: BENCH,
    figure: `${figure}, ${OURS} ÷ ${YARDSTICK}`,
    value,
    unit: 'ratio',
    target: targets.ratio,
  })
}
