import type { Command } from 'commander'

import { formatEntry, type JournalEntry, type JournalReader } from '../journal/journal'
import type { CommandContext } from './context'
import { durationMs } from './moment'
import { age, isoTime, printable, table, UsageError } from './output'

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
      const journal = context().journal()
      show(context(), journal, options)
      if (options.follow) await follow(context(), journal, options)
    })
}

function show(context: CommandContext, journal: JournalReader, options: BlocksOptions): void {
  const limit = Number(options.limit)
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT)
    throw new UsageError(`--limit takes 1 to ${MAX_LIMIT}`)
  const entries = journal
    .query({
      limit,
      ...(options.since !== undefined && { sinceMs: context.now() - durationMs(options.since) }),
      ...(options.device !== undefined && { device: options.device }),
      ...(options.user !== undefined && { user: options.user }),
    })
    .reverse()
  if (context.json)
    for (const entry of entries) context.streams.out(`${JSON.stringify(formatEntry(entry))}\n`)
  else if (entries.length > 0) context.streams.out(table(HEADINGS, entries.map(row)))
  else if (!options.follow) context.streams.out('nothing was blocked or warned\n')
}

async function follow(
  context: CommandContext,
  journal: JournalReader,
  options: BlocksOptions,
): Promise<void> {
  const wanted = (entry: JournalEntry): boolean =>
    (options.device === undefined || entry.device === options.device) &&
    (options.user === undefined || entry.user === options.user)
  let cursor = journal.newest()
  for (;;) {
    const next = journal.after(cursor, 1000)
    cursor = next.cursor
    for (const entry of next.entries.filter(wanted)) {
      context.streams.out(
        `${
          context.json
            ? JSON.stringify(formatEntry(entry))
            : row(entry)
                .map((cell) => printable(String(cell)))
                .join('  ')
        }\n`,
      )
    }
    await new Promise((resolve) => setTimeout(resolve, FOLLOW_MS))
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
  isoTime(entry.time),
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
