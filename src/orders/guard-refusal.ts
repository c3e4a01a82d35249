import type { GuardFigure } from '../policy/guard'

/** The guard's "no": a change would newly block more devices than may be, and nobody confirmed that figure. */
export class GuardRefusal extends Error {
  override readonly name = 'GuardRefusal'
  readonly code = 'ERR_GUARD'
  constructor(
    readonly figure: GuardFigure,
    confirmed: number | undefined,
    /** How it may pass after all. */
    private readonly way: keyof typeof WAYS = 'option',
  ) {
    const { newlyBlocked, devices, bound } = figure
    const wrong =
      confirmed === undefined || confirmed === newlyBlocked ? '' : `${confirmed} is not the figure: `
    super(
      `${wrong}this would newly block ${newlyBlocked} of ${devices} devices, max_new_blocks allows ${bound}; ` +
        `nothing was changed. ${WAYS[way](newlyBlocked)}`,
    )
  }

  /** No figure lets it pass, another person has to. */
  get needsSecond(): boolean {
    return this.way === 'second person' || this.way === 'second person for a mandate'
  }
}

const WAYS = {
  option: (figure: number) => `If it is meant: --confirm ${figure}`,
  command: (figure: number) => `If it is meant: device-gate policy confirm ${figure}`,
  'second person': () =>
    'The policy asks for a second person: device-gate policy propose FILE, then policy approve ID',
  'second person for a mandate': () =>
    'The policy asks for a second person: device-gate policy propose --mandate MANDATE, then policy approve ID',
}
