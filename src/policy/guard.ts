import type { Policy } from './policy'

/** How many devices a change newly blocks, of how many, and how many it may. */
export interface GuardFigure {
  readonly newlyBlocked: number
  readonly devices: number
  readonly bound: number
}

/** The smaller of count and percent; a percentage of a small site still lets one device through. */
export const guardFigure = (
  newlyBlocked: number,
  devices: number,
  { percent, count }: Policy['maxNewBlocks'],
): GuardFigure => ({
  newlyBlocked,
  devices,
  bound: Math.min(count, Math.ceil((devices * percent) / 100)),
})

export const isOverBound = ({ newlyBlocked, bound }: GuardFigure): boolean => newlyBlocked > bound
