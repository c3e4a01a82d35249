import os from 'node:os'

import { VERSION } from '../config/version'
import type { HalfHour } from './block-series'
import { feedJson } from './feeds'
import { hostsJson } from './fleet-status'
import { modeOverrideJson } from './mode'
import { problemsOf } from './problems'
import { isoTime, type LookupSite } from './site'
import type { StandingFigures } from './standing-count'
import { holdJson, pendingJson, proposalJson, recallJson, statusFacts } from './status'

/** What is counted in the background, as it is at the moment. */
export interface Counted {
  /** null: not counted yet. */
  readonly standing: StandingFigures | null
  readonly series: readonly HalfHour[]
  /** Of all workers of this host; null: not known. */
  readonly decisionsPerS: number | null
}

/** What is in force, what needs attention, and who is affected: the published form. */
export async function overviewJson(
  site: LookupSite,
  { standing, series, decisionsPerS }: Counted,
): Promise<object> {
  const facts = await statusFacts(site)
  const now = site.now()
  const { fleet } = facts
  const sum = (of: (half: HalfHour) => number): number => series.reduce((all, half) => all + of(half), 0)
  return {
    host: os.hostname(),
    version: VERSION,
    time: isoTime(now),
    mode: facts.mode,
    policy_mode: facts.policyMode,
    mode_override: modeOverrideJson(facts.override),
    enforcement: facts.enforcement,
    policy_version: facts.policyVersion,
    policy_source: facts.policySource,
    recall: recallJson(facts.recall),
    pending: pendingJson(facts.pending),
    held: facts.held.map(holdJson),
    proposals: facts.proposals.map(proposalJson),
    problems: problemsOf(facts),
    devices: facts.devices,
    overrides: facts.overrides,
    blocked_now: standing?.blocked ?? null,
    warned_now: standing?.warned ?? null,
    would_block_now: standing?.wouldBlock ?? null,
    would_warn_now: standing?.wouldWarn ?? null,
    counted_at: standing ? isoTime(standing.countedAt) : null,
    sessions: facts.sessions,
    workers: facts.workers,
    decisions_per_s: decisionsPerS,
    blocks_24h: sum(({ blocks }) => blocks),
    warnings_24h: sum(({ warnings }) => warnings),
    would_blocks_24h: sum(({ wouldBlocks }) => wouldBlocks),
    store: { kind: fleet ? 'redis' : 'embedded', problem: fleet?.status.problem ?? null },
    hosts: fleet ? hostsJson(fleet.status.hosts, now) : [],
    feeds: facts.feeds.map((feed) => feedJson(feed, now)),
    series: series.map((half) => ({
      time: isoTime(half.time),
      blocks: half.blocks,
      warnings: half.warnings,
      would_blocks: half.wouldBlocks,
    })),
  }
}
