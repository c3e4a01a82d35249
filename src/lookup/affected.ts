import { decisionsIn, type JournalEntry } from '../journal/journal'
import { effectOf, type Claim } from '../policy/decision'
import type { Block } from './blocks-source'

/** A person on a device that was refused or warned. Times are epoch milliseconds. */
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

/** Policy versions that are over: those after `to`, up to `from`. */
export interface Recalled {
  readonly from: number
  readonly to: number
}

export const isRecalled = ({ from, to }: Recalled, policy: number): boolean => policy > to && policy <= from

/** Those whom the recalled versions really refused or warned. */
export function affectedUnder(blocks: readonly Block[], recalled: Recalled): Affected[] {
  const found = new Map<string, Affected>()
  for (const block of blocks) {
    const effect = effectOf(block)
    if (!isRecalled(recalled, block.policy) || (effect !== 'block' && effect !== 'warn')) continue
    const { user, device, time } = block
    const key = JSON.stringify([user, device])
    const former = found.get(key)
    const times = decisionsIn(block)
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

export const visitorOfCase = ({ user, claim }: Affected): string => visitorKey(user, claim?.deviceId ?? null)

/** Who comes to the door: a person with a device that proved itself, or without one. */
export const visitorKey = (user: string, claimed: string | null): string => JSON.stringify([user, claimed])

/** The device that proved itself when this was decided. */
export function claimOf({ device, proof }: Pick<JournalEntry, 'device' | 'proof'>): Claim | null {
  return device === null || proof === 'owner' || proof === 'none' ? null : { deviceId: device, proof }
}
