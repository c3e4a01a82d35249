import type { Command } from 'commander'

import { normaliseUser } from '../devices/record'
import type { Override } from '../policy/override'
import { answer, author, checkedReason, readable, type CommandContext } from './context'
import { age, isoTime, Refusal, table, UsageError } from './output'
import { momentFrom } from './moment'

interface SubjectOptions {
  readonly device?: string
  readonly user?: string
}

interface AddOptions extends SubjectOptions {
  readonly for?: string
  readonly until?: string
  readonly reason?: string
}

/** `exempt` and `lock`: the two overrides are told alike and differ in their kind only. */
export function overrideCommand(
  program: Command,
  context: () => CommandContext,
  kind: Override['kind'],
): void {
  const name = kind === 'exemption' ? 'exempt' : 'lock'
  const command = program
    .command(name)
    .description(
      kind === 'exemption'
        ? 'let a device or user past the rules for a time'
        : 'refuse a device or user whatever the rules say',
    )

  const subjectOptions = (sub: Command): Command =>
    sub.option('--device <id>', 'the device').option('--user <address>', 'the user, with all devices')

  subjectOptions(command.command('add'))
    .option('--for <duration>', 'how long, e.g. 4h or 7d')
    .option('--until <time>', 'until when, RFC 3339 with a zone')
    .option('--reason <text>', 'why; kept with it')
    .action(async (options: AddOptions) => add(context(), kind, options))
  subjectOptions(command.command('remove')).action(async (options: SubjectOptions) =>
    remove(context(), kind, options),
  )
  command.command('list').action(() => list(context(), kind))
}

function subjectOf({ device, user }: SubjectOptions): Override['subject'] {
  if (device !== undefined && user === undefined) return { kind: 'device', id: device }
  if (user !== undefined && device === undefined) return { kind: 'user', id: normaliseUser(user) }
  throw new UsageError('name one of --device ID or --user ADDRESS')
}

async function add(context: CommandContext, kind: Override['kind'], options: AddOptions): Promise<void> {
  const createdAt = context.now()
  const subject = subjectOf(options)
  const expiresAt = momentFrom(options, createdAt)
  if (kind === 'exemption' && expiresAt === null)
    throw new UsageError('an exemption ends: add --for 7d or --until TIME')
  if (expiresAt !== null && expiresAt <= createdAt) throw new Refusal('that time is already over')
  const override: Override = {
    kind,
    subject,
    author: author(),
    reason: checkedReason(options.reason),
    createdAt,
    expiresAt,
  }
  await context.store().putOverride(override)
  answer(
    context,
    override,
    `${kind} on ${subject.kind} ${subject.id} until ${expiresAt === null ? 'removed' : isoTime(expiresAt)}\n`,
  )
}

async function remove(
  context: CommandContext,
  kind: Override['kind'],
  options: SubjectOptions,
): Promise<void> {
  const subject = subjectOf(options)
  if (!(await context.store().removeOverride(kind, subject))) {
    throw new Refusal(`there is no ${kind} on ${subject.kind} ${subject.id}`)
  }
  answer(context, { removed: { kind, subject } }, `${kind} on ${subject.kind} ${subject.id} removed\n`)
}

function list(context: CommandContext, kind: Override['kind']): void {
  const now = context.now()
  const overrides = readable(context, context.store().listOverrides(kind))
  const rows = overrides.map((o) => [
    o.subject.kind,
    o.subject.id,
    o.expiresAt !== null && o.expiresAt <= now ? 'expired' : isoTime(o.expiresAt ?? Infinity),
    o.author,
    `${age((now - o.createdAt) / 1000)} ago`,
    o.reason,
  ])
  answer(
    context,
    overrides,
    rows.length === 0 ? `no ${kind}s\n` : table(['on', 'id', 'until', 'by', 'set', 'reason'], rows),
  )
}
