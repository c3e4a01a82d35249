import { Option, type Command } from 'commander'

import { FEED_KINDS } from '../feeds/kinds'
import { DEFAULT_BREAKER } from '../feeds/breaker'
import { feedDefinition, GONE_RULES, sourceOf, type FeedDefinition } from '../feeds/definition'
import { FeedDesk } from '../feeds/feed-desk'
import { feedStanding } from '../feeds/standing'
import { feedJson, releaseCommand } from '../lookup/feeds'
import { answer, type CommandContext } from './context'
import { intakeOf } from './feed-intake'
import { addFeed, type AddOptions } from './feed-add'
import { listFeeds } from './feed-list'
import { syncFeed, testFeed } from './feed-run'
import { authorship, figure, type ReasonOptions } from './orders'
import { printable, Refusal, UsageError } from './output'

const collect = (value: string, former: readonly string[] = []): string[] => [...former, value]

export function feedCommand(program: Command, context: () => CommandContext): void {
  const command = program.command('feed').description('look after the feeds that bring device states')
  command
    .command('add')
    .description('add a feed; its secrets are named by where they are, never given')
    .argument('<name>', 'a-z, 0-9 and -: the source of its records')
    .addOption(
      new Option('--kind <kind>', 'what it speaks to')
        .choices(FEED_KINDS.map(({ kind }) => kind))
        .makeOptionMandatory(),
    )
    .option('--set <key=value>', 'a setting of the kind; once for each: docs/feeds.md', collect)
    .option('--secret <name=place>', 'where a secret is: NAME=file:/path or NAME=env:VARIABLE', collect)
    .option('--every <duration>', 'how often it is swept; default: as the kind says')
    .option('--of <feed>', 'for events: the feed whose devices they are about')
    .addOption(
      new Option('--gone <rule>', 'what becomes of devices that a complete sweep no longer brings')
        .choices(GONE_RULES)
        .default('unknown'),
    )
    .option(
      '--percent <n>',
      `breaker: it may turn so many of all devices (100: --count alone counts); default: ${DEFAULT_BREAKER.percent}`,
    )
    .option('--count <n>', `breaker: and no more than so many; default: ${DEFAULT_BREAKER.count}`)
    .option('--window <duration>', 'breaker: within so long; default: 1h')
    .option('--reason <text>', 'why; kept in the history')
    .action(async (name: string, options: AddOptions) => addFeed(context(), name, options))
  command
    .command('list')
    .description('list the feeds, how they are, and which host runs them')
    .action(async () => listFeeds(context()))
  command
    .command('test')
    .description(
      'try credentials and permissions, and show ten devices as they would be written; writes nothing',
    )
    .argument('<name>')
    .action(async (name: string) => testFeed(context(), known(context(), name)))
  command
    .command('sync')
    .description('sweep a feed now, here')
    .argument('<name>')
    .action(async (name: string) => syncFeed(context(), known(context(), name)))
  command
    .command('hold')
    .description('set aside what a feed would turn compliant or noncompliant, until it is released')
    .argument('<name>')
    .option('--reason <text>', 'why; kept in the history')
    .action(async (name: string, options: ReasonOptions) => hold(context(), name, options))
  command
    .command('release')
    .description('let a held feed go on: with what was set aside, or without it')
    .argument('<name>')
    .option('--confirm <figure>', 'write what was set aside: how many records, as feed list says')
    .option('--drop', 'throw it away: the devices stay as they are until the source says something new')
    .option('--reason <text>', 'why; kept in the history')
    .action(async (name: string, options: ReleaseOptions) => release(context(), name, options))
  command
    .command('remove')
    .description('remove a feed; its devices stay as they are')
    .argument('<name>')
    .option('--reason <text>', 'why; kept in the history')
    .action(async (name: string, options: ReasonOptions) => remove(context(), name, options))
}

type ReleaseOptions = ReasonOptions & { readonly drop?: boolean }

function known(context: CommandContext, name: string): FeedDefinition {
  const definition = feedDefinition(context.store(), name)
  if (!definition) throw new Refusal(`there is no feed ${printable(name)}: see device-gate feed list`)
  return definition
}

async function hold(context: CommandContext, name: string, options: ReasonOptions): Promise<void> {
  const by = authorship(context, options)
  const source = sourceOf(known(context, name))
  await new FeedDesk(context.store()).hold(source, by)
  answer(context, { held: source }, `feed ${source} is held: what would turn devices is set aside\n`)
}

async function release(context: CommandContext, name: string, options: ReleaseOptions): Promise<void> {
  const by = authorship(context, options)
  const definition = known(context, sourceOf(known(context, name)))
  const standing = feedStanding(context.store(), context.feedsDatabase(), definition)
  const { held, toConfirm } = standing
  if (!held) throw new Refusal(`feed ${definition.name} is not held: see device-gate feed list`)
  const isDrop = options.drop === true
  if (isDrop === (options.confirm !== undefined))
    throw new UsageError(`say one of --drop and --confirm ${toConfirm}`)
  const desk = new FeedDesk(context.store())
  if (isDrop) await desk.drop(definition.name, by, held.count)
  else {
    const confirmed = figure('--confirm', options.confirm ?? '')
    if (confirmed !== toConfirm)
      throw new Refusal(
        `${confirmed} is not the figure: ${held.why}. If it is meant: ${releaseCommand(standing)}`,
      )
    await desk.release(definition.name, by, toConfirm)
  }
  await intakeOf(context, definition).settle()
  answer(
    context,
    feedJson(feedStanding(context.store(), context.feedsDatabase(), definition), context.now()),
    `feed ${definition.name} is released, ${held.count} records ${isDrop ? 'dropped' : 'written'}\n`,
  )
}

async function remove(context: CommandContext, name: string, options: ReasonOptions): Promise<void> {
  const by = authorship(context, options)
  await new FeedDesk(context.store()).remove(name, by)
  await context.feedsDatabase().forget(name)
  answer(context, { removed: name }, `feed ${name} removed; its devices stay as they are\n`)
}
