import type { JournalEntry } from '../journal/journal'
import { effectOf, type Claim } from '../policy/decision'
import type { Block } from './blocks-source'

/** A person on a device that was refused or warned, and what is decided of it now. Times are epoch milliseconds. */
export interface Affected {
  readonly user: string
  /** null: none was proven. */
  readonly device: string | null
  readonly claim: Claim | null
  readonly blocks: number
  readonly warnings: number
  readonly first: number
  readonly last: number
}

export const caseKey = ({ user, device }: Pick<Block, 'user' | 'device'>): string =>
  JSON.stringify([user, device])

/** Those whom the policy versions after `to`, up to `from`, really refused or warned. */
export function affectedUnder(blocks: readonly Block[], to: number, from: number): Affected[] {
  const found = new Map<string, Affected>()
  for (const block of blocks) {
    const effect = effectOf(block)
    if (block.policy <= to || block.policy > from || (effect !== 'block' && effect !== 'warn')) continue
    const { user, device, time } = block
    const key = caseKey(block)
    const former = found.get(key)
    // A summary stands for as many decisions as it says, the first line of a case for itself.
    const times = Math.max(1, block.repeats)
    found.set(key, {
      user,
      device,
      claim: claimOf(block),
      blocks: (former?.blocks ?? 0) + (effect === 'block' ? times : 0),
      warnings: (former?.warnings ?? 0) + (effect === 'warn' ? times : 0),
      first: Math.min(former?.first ?? Infinity, time),
      last: Math.max(former?.last ?? -Infinity, time),
    })
  }
  return [...found.values()].sort((a, b) => a.first - b.first)
}

/** The device that proved itself when this was decided. */
export function claimOf({ device, proof }: Pick<JournalEntry, 'device' | 'proof'>): Claim | null {
  return device === null || proof === 'owner' || proof === 'none' ? null : { deviceId: device, proof }
}
