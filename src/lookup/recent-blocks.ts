import type { JournalEntry, JournalFilter } from '../journal/journal'
import { siteBlocks, type LookupSite } from './site'

/**
 * The newest entries of the block log about somebody, newest first. In a fleet also those of the other hosts, as far back as
 * one page goes; this host's own as far back as there are any.
 */
export async function recentBlocks(
  site: Pick<LookupSite, 'journal' | 'fleet' | 'tell'>,
  about: JournalFilter,
  limit: number,
): Promise<readonly JournalEntry[]> {
  const own = site.journal().query({ ...about, limit })
  if (!site.fleet()) return own
  const { blocks } = await (await siteBlocks(site)).page({ ...about, limit }, null)
  const all = new Map([...blocks, ...own].map((entry) => [sameEntry(entry), entry]))
  return [...all.values()].sort((a, b) => b.time - a.time).slice(0, limit)
}

/** Alike for an entry here and where the fleet has it. */
const sameEntry = ({ time, decision, protocol, remote, repeats }: JournalEntry): string =>
  JSON.stringify([time, decision, protocol, remote, repeats])
