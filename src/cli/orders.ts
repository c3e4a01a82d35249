import type { Authorship } from '../devices/store'
import { OrderDesk } from '../orders/order-desk'
import { author, checkedReason, type CommandContext } from './context'
import { UsageError } from './output'

/** What a command that orders something is given beside the order. */
export interface ReasonOptions {
  readonly reason?: string
  readonly confirm?: string
}

export const CONFIRM = [
  '--confirm <figure>',
  'how many devices it newly blocks, where that is more than max_new_blocks',
] as const

export const orderDesk = (context: CommandContext): OrderDesk => new OrderDesk(context.store(), context.now)

export const authorship = (context: CommandContext, { reason }: ReasonOptions): Authorship => ({
  author: author(),
  reason: checkedReason(reason),
  at: context.now(),
})

export const confirmed = ({ confirm }: ReasonOptions): number | undefined =>
  confirm === undefined ? undefined : figure('--confirm', confirm)

export function figure(name: string, text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new UsageError(`${name} "${text}" is no number of devices`)
  return Number(text)
}
