import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'

import { normaliseUser } from '../devices/record'
import { StoreProblem } from '../devices/redis/problem'
import { formatEntry, isWanted, type JournalEntry, type JournalQuery } from '../journal/journal'
import type { Block, BlocksSource } from '../lookup/blocks-source'
import { siteBlocks } from '../lookup/site'
import { note, type CommandContext } from './context'
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
      const query = queryOf(context(), options)
      const source = await siteBlocks(context())
      const { blocks, cursor } = await source.query(query)
      show(context(), blocks.reverse(), options)
      if (options.follow) await follow(context(), source, query, cursor, interrupt.signal)
    })
}

/** What is asked for: the journal has users in the form that decisions compare. */
function queryOf(context: CommandContext, { device, user, since, limit: text }: BlocksOptions): JournalQuery {
  const limit = Number(text)
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT)
    throw new UsageError(`--limit takes 1 to ${MAX_LIMIT}`)
  return {
    limit,
    ...(since !== undefined && { sinceMs: context.now() - durationMs('--since', since) }),
    ...(device !== undefined && { device }),
    ...(user !== undefined && { user: normaliseUser(user) }),
  }
}

function show(context: CommandContext, blocks: readonly Block[], { follow }: BlocksOptions): void {
  const { out } = context.streams
  const table = tableOf(context)
  if (context.json) for (const block of blocks) out(table.line(block))
  else if (blocks.length > 0) out(table.of(blocks))
  else if (!follow) out('nothing was blocked or warned\n')
}

async function follow(
  context: CommandContext,
  source: BlocksSource,
  query: JournalQuery,
  start: string,
  interrupted: AbortSignal,
): Promise<void> {
  const lines = tableOf(context)
  let cursor = start
  let told = false
  while (!interrupted.aborted) {
    try {
      const next = await source.after(cursor, FOLLOW_BATCH)
      cursor = next.cursor
      for (const block of next.blocks) if (isWanted(block, query)) context.streams.out(lines.line(block))
      told = false
    } catch (error) {
      if (!(error instanceof StoreProblem)) throw error
      if (!told) note(context, `${error.message}; what comes meanwhile is shown when it answers again`)
      told = true
    }
    await sleep(FOLLOW_MS, undefined, { signal: interrupted }).catch(() => undefined)
  }
}

interface BlocksTable {
  of(blocks: readonly Block[]): string
  /** One more line behind it, or one for programs. */
  line(block: Block): string
}

/** In a fleet it says which host a block was on. */
function tableOf(context: CommandContext): BlocksTable {
  const inFleet = context.config().store.kind === 'redis'
  const cells = (block: Block): (string | number)[] => [...row(block), ...(inFleet ? [block.host] : [])]
  return {
    of: (blocks) => table([...HEADINGS, ...(inFleet ? ['host'] : [])], blocks.map(cells)),
    line: (block) =>
      context.json
        ? jsonLine({ ...formatEntry(block), ...(inFleet && { host: block.host }) })
        : `${cells(block)
            .map((cell) => printable(String(cell)))
            .join('  ')}\n`,
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
