import type { Command } from 'commander'

import type { Override } from '../policy/override'
import { unlessDamaged } from '../devices/unless-damaged'
import { overrideJson } from '../lookup/override'
import { answer, author, checkedReason, note, type CommandContext } from './context'
import { readable } from '../lookup/site'
import { checkedDeviceId, checkedUser } from './device-command'
import { untilInForce } from './in-force'
import { momentFrom } from './moment'
import { authorship, CONFIRM, confirmed, orderDesk, type ReasonOptions } from './orders'
import { age, clockTime, Refusal, table, UsageError } from './output'

interface SubjectOptions {
  readonly device?: string
  readonly user?: string
}

type RemoveOptions = SubjectOptions & ReasonOptions

interface AddOptions extends RemoveOptions {
  readonly for?: string
  readonly until?: string
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

  subjectOptions(command.command('add').description(kind === 'lock' ? 'add a lock' : 'add an exemption'))
    .option('--for <duration>', 'how long, e.g. 4h or 7d')
    .option('--until <time>', 'until when, RFC 3339 with a zone')
    .option('--reason <text>', 'why; kept with it')
    .option(...CONFIRM)
    .action(async (options: AddOptions) => add(context(), kind, options))
  subjectOptions(command.command('remove').description('remove one'))
    .option('--reason <text>', 'why; kept in the history')
    .option(...CONFIRM)
    .action(async (options: RemoveOptions) => remove(context(), kind, options))
  command
    .command('list')
    .description('list them, expired ones too')
    .action(() => list(context(), kind))
}

function subjectOf({ device, user }: SubjectOptions): Override['subject'] {
  if (device !== undefined && user === undefined) return { kind: 'device', id: checkedDeviceId(device) }
  if (user !== undefined && device === undefined) return { kind: 'user', id: checkedUser(user) }
  throw new UsageError('name one of --device ID or --user ADDRESS')
}

async function add(context: CommandContext, kind: Override['kind'], options: AddOptions): Promise<void> {
  const createdAt = context.now()
  const subject = subjectOf(options)
  const expiresAt = momentFrom(options, createdAt)
  if (kind === 'exemption' && expiresAt === null)
    throw new UsageError('an exemption ends: add --for 7d or --until TIME')
  if (expiresAt !== null && expiresAt <= createdAt) throw new Refusal('that time is already over')
  const reason = checkedReason(options.reason)
  const override: Override = { kind, subject, author: author(), reason, createdAt, expiresAt }
  if (!isKnown(context, subject))
    note(context, `${named(subject)} was never reported: if it is no typing error, the ${kind} waits for it`)
  const since = performance.now()
  await orderDesk(context).putOverride(override, confirmed(options))
  await untilInForce(context, since)
  const until = expiresAt === null ? 'removed' : clockTime(expiresAt)
  answer(context, overrideJson(override), `${kind} on ${named(subject)} until ${until}\n`)
}

function isKnown(context: CommandContext, { kind, id }: Override['subject']): boolean {
  const store = context.store()
  if (kind === 'user') return store.deviceIdsOf(id, 1).length > 0
  return (
    unlessDamaged(
      () => store.device(id),
      (message) => note(context, message),
    ) !== undefined
  )
}

const named = ({ kind, id }: Override['subject']): string =>
  kind === 'device' ? `device ${id}` : `user ${id}`

async function remove(
  context: CommandContext,
  kind: Override['kind'],
  options: RemoveOptions,
): Promise<void> {
  const subject = subjectOf(options)
  const by = authorship(context, { reason: 'none given', ...options })
  const since = performance.now()
  const { entry } = await orderDesk(context).removeOverride(kind, subject, by, confirmed(options))
  if (entry === null) throw new Refusal(`there is no ${kind} on ${named(subject)}`)
  await untilInForce(context, since)
  answer(
    context,
    { removed: { kind, on: subject.kind, id: subject.id } },
    `${kind} on ${named(subject)} removed\n`,
  )
}

function list(context: CommandContext, kind: Override['kind']): void {
  const now = context.now()
  const overrides = readable(context, context.store().listOverrides(kind))
  const rows = overrides.map((o) => [
    o.subject.kind,
    o.subject.id,
    o.expiresAt === null ? 'removed' : o.expiresAt <= now ? 'expired' : clockTime(o.expiresAt),
    o.author,
    `${age((now - o.createdAt) / 1000)} ago`,
    o.reason,
  ])
  answer(
    context,
    overrides.map(overrideJson),
    rows.length === 0 ? `no ${kind}s\n` : table(['on', 'id', 'until', 'by', 'set', 'reason'], rows),
  )
}
