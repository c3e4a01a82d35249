import type { Policy } from '../policy/policy'
import { findingsOf } from '../policy/reach'
import { appFinding, isAboutApp } from './app-findings'
import type { FeedDefinition } from './definition'
import { feedKind } from './kinds'

/**
 * Ids of the mandates about apps that a feed does not look for, or reports under another spelling. Where a manager is
 * asked for other apps, a device without the finding passes for one that was seen to be clean.
 */
export function blindSpots({ kind, settings }: FeedDefinition, policy: Policy | undefined): string[] {
  const apps = feedKind(kind)?.apps?.(settings)
  // Asked for none, all devices say themselves that nobody looked.
  if (!policy || !apps || apps.size === 0) return []
  const reported = new Set([...apps.values()].map(appFinding))
  return policy.mandates
    .filter(({ finding }) => isAboutApp(finding))
    .filter((mandate) => !findingsOf(mandate).some((finding) => reported.has(finding)))
    .map(({ id }) => id)
}
