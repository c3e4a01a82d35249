import { setTimeout as sleep } from 'node:timers/promises'
import { Option, type Command } from 'commander'

import { normaliseUser } from '../devices/record'
import { StoreProblem } from '../devices/redis/problem'
import {
  filterOf,
  formatEntry,
  isWanted,
  type JournalEntry,
  type JournalFilter,
  type JournalQuery,
} from '../journal/journal'
import { EXPORT_FORMATS, exportBlocks, type ExportFormat } from '../lookup/block-export'
import type { Block, BlocksSource } from '../lookup/blocks-source'
import { exportForm } from '../lookup/exported'
import { siteBlocks } from '../lookup/site'
import {
  OUTCOMES,
  PLATFORMS,
  PROTOCOLS,
  REASONS,
  type Outcome,
  type Platform,
  type Protocol,
  type Reason,
} from '../policy/vocabulary'
import { note, type CommandContext } from './context'
import { pastMs } from './moment'
import { age, cellText, clockTime, jsonLine, outcomeCell, table, UsageError, type Cell } from './output'

interface BlocksOptions {
  readonly since?: string
  readonly until?: string
  readonly device?: string
  readonly user?: string
  readonly platform?: Platform
  readonly reason?: Reason
  readonly mandate?: string
  readonly outcome?: Outcome
  readonly protocol?: Protocol
  readonly limit?: string
  readonly format?: ExportFormat
  readonly follow?: boolean
}

const DEFAULT_LIMIT = 100
const MAX_LIMIT = 100_000
/** How often `--follow` looks for new entries. */
const FOLLOW_MS = 250
const FOLLOW_BATCH = 1000

export function blocksCommand(program: Command, context: () => CommandContext): void {
  program
    .command('blocks')
    .description('the block log: decisions that were not a plain allow, newest last')
    .option('--since <when>', 'no older than: how long ago, e.g. 1h, or a time, RFC 3339 with a zone')
    .option('--until <when>', 'older than: likewise')
    .option('--device <id>', 'of this device')
    .option('--user <address>', 'of this user')
    .addOption(new Option('--platform <platform>', 'of this platform').choices(PLATFORMS))
    .addOption(new Option('--reason <reason>', 'decided for this reason').choices(REASONS))
    .option('--mandate <id>', 'decided by this mandate')
    .addOption(new Option('--outcome <outcome>', 'that came out so, enforced or not').choices(OUTCOMES))
    .addOption(new Option('--protocol <protocol>', 'of this protocol').choices(PROTOCOLS))
    .option('--limit <count>', `at most this many; default: ${DEFAULT_LIMIT}, with --format all`)
    .addOption(new Option('--format <format>', 'export them, newest first').choices(EXPORT_FORMATS))
    .option('--follow', 'go on with new ones as they come, until interrupted')
    .action(async (options: BlocksOptions) => {
      const interrupt = new AbortController()
      if (options.follow) context().streams.onInterrupt(() => interrupt.abort())
      const filter = asked(context(), options)
      const limit = limitOf(options)
      if (options.format !== undefined && options.follow)
        throw new UsageError('--format stands without --follow')
      const source = await siteBlocks(context())
      if (options.format !== undefined) {
        const shown = exportForm(context().config)
        for await (const lines of exportBlocks({ source, shown }, filter, options.format, limit))
          context().streams.raw(lines)
        return
      }
      const query = { ...filter, limit: limit ?? DEFAULT_LIMIT }
      const { blocks, cursor } = await source.query(query)
      show(context(), blocks.reverse(), options)
      if (options.follow) await follow(context(), source, query, cursor, interrupt.signal)
    })
}

/** undefined: none was given. */
function limitOf({ limit: text }: BlocksOptions): number | undefined {
  if (text === undefined) return undefined
  const limit = Number(text)
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT)
    throw new UsageError(`--limit takes 1 to ${MAX_LIMIT}`)
  return limit
}

/** What is asked for: the journal has users in the form that decisions compare. */
function asked(context: CommandContext, options: BlocksOptions): JournalFilter {
  const { device, user, platform, reason, mandate, outcome, protocol, since, until } = options
  const moment = (option: string, text: string | undefined): number | undefined =>
    text === undefined ? undefined : pastMs(option, text, context.now())
  return filterOf({
    sinceMs: moment('--since', since),
    untilMs: moment('--until', until),
    device,
    user: user === undefined ? undefined : normaliseUser(user),
    platform,
    reason,
    rule: mandate,
    outcome,
    protocol,
  })
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
  const cells = (block: Block): Cell[] => [...row(block), ...(inFleet ? [block.host] : [])]
  return {
    of: (blocks) => table([...HEADINGS, ...(inFleet ? ['host'] : [])], blocks.map(cells)),
    line: (block) =>
      context.json
        ? jsonLine({ ...formatEntry(block), ...(inFleet && { host: block.host }) })
        : `${cells(block).map(cellText).join('  ')}\n`,
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

const row = (entry: JournalEntry): Cell[] => [
  clockTime(entry.time),
  entry.decision,
  entry.protocol,
  outcomeCell(entry.outcome, entry.enforced),
  entry.reason,
  entry.rule ?? '-',
  entry.user,
  entry.device ?? '-',
  entry.remote,
  entry.repeats,
  age(entry.evidenceAgeS),
]
