import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'

import { normaliseUser } from '../devices/record'
import { formatEntry, type JournalCursor, type JournalEntry, type JournalReader } from '../journal/journal'
import type { CommandContext } from './context'
import { durationMs } from './moment'
import { age, clockTime, jsonLine, printable, table, UsageError } from './output'

interface BlocksOptions {
  readonly since?: string
  readonly device?: string
  readonly user?: string
  readonly limit: string
  readonly follow?: boolean
}

const MAX_LIMIT = 100_000
/** How often `--follow` looks for new entries. */
const FOLLOW_MS = 250
const FOLLOW_BATCH = 1000

export function blocksCommand(program: Command, context: () => CommandContext): void {
  program
    .command('blocks')
    .description('the block log: decisions that were not a plain allow, newest last')
    .option('--since <duration>', 'no older than, e.g. 1h')
    .option('--device <id>', 'of this device')
    .option('--user <address>', 'of this user')
    .option('--limit <count>', 'at most this many', '100')
    .option('--follow', 'go on with new ones as they come, until interrupted')
    .action(async (options: BlocksOptions) => {
      const interrupt = new AbortController()
      if (options.follow) context().streams.onInterrupt(() => interrupt.abort())
      const journal = context().journal()
      // Read in one turn, both are of one moment: nothing is left out in between, nothing told twice.
      const newest = journal.newest()
      show(context(), journal, options)
      if (options.follow) await follow(context(), journal, options, newest, interrupt.signal)
    })
}

/** The entries that are asked for: the journal has users in the form that decisions compare. */
const filterOf = ({ device, user }: BlocksOptions): { device?: string; user?: string } => ({
  ...(device !== undefined && { device }),
  ...(user !== undefined && { user: normaliseUser(user) }),
})

function show(context: CommandContext, journal: JournalReader, options: BlocksOptions): void {
  const limit = Number(options.limit)
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT)
    throw new UsageError(`--limit takes 1 to ${MAX_LIMIT}`)
  const since =
    options.since === undefined ? {} : { sinceMs: context.now() - durationMs('--since', options.since) }
  const entries = journal.query({ limit, ...since, ...filterOf(options) }).reverse()
  const { out } = context.streams
  if (context.json) for (const entry of entries) out(jsonLine(formatEntry(entry)))
  else if (entries.length > 0) out(table(HEADINGS, entries.map(row)))
  else if (!options.follow) out('nothing was blocked or warned\n')
}

async function follow(
  context: CommandContext,
  journal: JournalReader,
  options: BlocksOptions,
  newest: JournalCursor | null,
  interrupted: AbortSignal,
): Promise<void> {
  const { device, user } = filterOf(options)
  const wanted = (entry: JournalEntry): boolean =>
    (device === undefined || entry.device === device) && (user === undefined || entry.user === user)
  const line = (entry: JournalEntry): string =>
    context.json
      ? jsonLine(formatEntry(entry))
      : `${row(entry)
          .map((cell) => printable(String(cell)))
          .join('  ')}\n`
  let cursor = newest
  while (!interrupted.aborted) {
    const next = journal.after(cursor, FOLLOW_BATCH)
    cursor = next.cursor
    for (const entry of next.entries.filter(wanted)) context.streams.out(line(entry))
    await sleep(FOLLOW_MS, undefined, { signal: interrupted }).catch(() => undefined)
  }
}

const HEADINGS = [
  'time',
  'decision',
  'protocol',
  'outcome',
  'reason',
  'rule',
  'user',
  'device',
  'remote',
  'repeats',
  'evidence',
]

const row = (entry: JournalEntry): (string | number)[] => [
  clockTime(entry.time),
  entry.decision,
  entry.protocol,
  entry.enforced ? entry.outcome : `would ${entry.outcome}`,
  entry.reason,
  entry.rule ?? '-',
  entry.user,
  entry.device ?? '-',
  entry.remote,
  entry.repeats,
  age(entry.evidenceAgeS),
]
