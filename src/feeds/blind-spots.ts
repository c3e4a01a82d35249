import type { Policy } from '../policy/policy'
import { findingsOf } from '../policy/reach'
import type { FeedDefinition } from './definition'
import { feedKind } from './kinds'

const PREFIX = 'app:'

/**
 * Ids of the mandates about apps that a feed does not look for. Where a manager is asked for other apps, a device without
 * the finding passes for one that was seen to be clean.
 */
export function blindSpots({ kind, settings }: FeedDefinition, policy: Policy | undefined): string[] {
  const told = feedKind(kind)?.apps?.(settings)
  // Asked for none, all devices say themselves that nobody looked.
  if (!policy || !told || told.size === 0) return []
  return policy.mandates
    .filter(({ finding }) => finding.startsWith(PREFIX))
    .filter((mandate) => !findingsOf(mandate).some((one) => told.has(one.slice(PREFIX.length).toLowerCase())))
    .map(({ id }) => id)
}
