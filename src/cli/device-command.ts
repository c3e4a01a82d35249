import fs from 'node:fs'
import type { Command } from 'commander'

import { formatDeviceRecord, normaliseUser, parseDeviceRecord } from '../devices/record'
import { CorruptRecordError, type Store } from '../devices/store'
import type { DeviceRecord } from '../policy/device'
import { answer, type CommandContext } from './context'
import { importCommand } from './import-command'
import { age, facts, isoTime, Refusal, table, UsageError } from './output'

interface ListOptions {
  readonly owner?: string
  readonly platform?: string
  readonly state?: string
  readonly limit: string
}

export function deviceCommand(program: Command, context: () => CommandContext): void {
  const command = program.command('device').description('look at and change device records')
  command
    .command('get')
    .description('show one device')
    .argument('<id>')
    .action((id: string) => get(context(), id))
  command
    .command('put')
    .description('write one device record, as JSON on the command line or on standard input (-)')
    .argument('<record>')
    .action(async (record: string) => put(context(), record))
  command
    .command('list')
    .description('list devices in the order of their ids')
    .option('--owner <address>')
    .option('--platform <platform>')
    .option('--state <state>')
    .option('--limit <count>', 'at most this many', '1000')
    .action((options: ListOptions) => list(context(), options))
  importCommand(command, context)
  command
    .command('forget')
    .description('remove a device; it is unknown from then on')
    .argument('<id>')
    .action(async (id: string) => forget(context(), id))
}

function get(context: CommandContext, id: string): void {
  const record = context.store().device(id)
  if (!record) throw new Refusal(`no device ${id} was ever reported`)
  const text = facts([
    ['id', record.id],
    ['owners', record.owners.join(', ')],
    ['platform', record.platform],
    ['state', record.state],
    ['findings', record.findings.join(', ') || 'none'],
    ['evidence', `${isoTime(record.evidenceAt)} (${age((context.now() - record.evidenceAt) / 1000)} ago)`],
    ['source', `${record.source}, version ${record.version}`],
  ])
  answer(context, formatDeviceRecord(record), text)
}

async function put(context: CommandContext, argument: string): Promise<void> {
  const parsed = parseDeviceRecord(json(argument === '-' ? fs.readFileSync(0, 'utf8') : argument))
  if (!parsed.ok) throw new Refusal(`the record was not written: ${parsed.problem}`)
  const [outcome] = await context.store().putDevices([parsed.record])
  if (outcome?.status === 'refused') {
    throw new Refusal(
      `the record was not written: source ${parsed.record.source} already said version ${outcome.storedVersion} ` +
        `with evidence of ${isoTime(outcome.storedEvidenceAt)}, which is newer`,
    )
  }
  answer(
    context,
    { id: parsed.record.id, ...outcome },
    `device ${parsed.record.id}: ${outcome?.status ?? 'applied'}\n`,
  )
}

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Refusal(`the record is no JSON: ${(error as Error).message}`)
  }
}

const PAGE = 1000

/** Every device in id order, page by page, so that a million of them are never held at once. */
export function* everyDevice(store: Store): Generator<DeviceRecord | CorruptRecordError> {
  let afterId: string | undefined
  for (;;) {
    const page = store.listDevices({ limit: PAGE, ...(afterId !== undefined && { afterId }) })
    yield* page
    const last = page.at(-1)
    if (page.length < PAGE || last === undefined) return
    afterId = last instanceof CorruptRecordError ? last.place.slice(last.place.indexOf('/') + 1) : last.id
  }
}

function list(context: CommandContext, options: ListOptions): void {
  const limit = Number(options.limit)
  if (!Number.isInteger(limit) || limit < 1) throw new UsageError('--limit takes a count from 1')
  const owner = options.owner === undefined ? undefined : normaliseUser(options.owner)
  const found: DeviceRecord[] = []
  for (const record of everyDevice(context.store())) {
    if (record instanceof CorruptRecordError) {
      context.streams.err(`${record.message}\n`)
      continue
    }
    if (owner !== undefined && !record.owners.includes(owner)) continue
    if (options.platform !== undefined && record.platform !== options.platform) continue
    if (options.state !== undefined && record.state !== options.state) continue
    if (found.push(record) === limit) break
  }
  if (context.json) {
    for (const record of found) context.streams.out(`${JSON.stringify(formatDeviceRecord(record))}\n`)
    return
  }
  const now = context.now()
  const rows = found.map((r) => [
    r.id,
    r.owners.join(' '),
    r.platform,
    r.state,
    age((now - r.evidenceAt) / 1000),
    r.findings.join(' '),
  ])
  context.streams.out(table(['id', 'owners', 'platform', 'state', 'evidence', 'findings'], rows))
}

async function forget(context: CommandContext, id: string): Promise<void> {
  if (!(await context.store().forgetDevice(id))) throw new Refusal(`no device ${id} was ever reported`)
  answer(context, { forgotten: id }, `device ${id} forgotten\n`)
}
