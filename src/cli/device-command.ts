import { Option, type Command } from 'commander'

import {
  formatDeviceRecord,
  isDeviceId,
  isUserName,
  normaliseUser,
  parseDeviceRecord,
  RECORD_LIMITS,
} from '../devices/record'
import { everyDevice } from '../devices/every-device'
import { CorruptRecordError } from '../devices/store'
import type { DeviceRecord } from '../policy/device'
import { PLATFORMS, STATES } from '../policy/vocabulary'
import { unlessDamaged } from '../devices/unless-damaged'
import { answer, note, type CommandContext } from './context'
import { importCommand } from './import-command'
import { untilInForce } from './in-force'
import { didYouMean } from './near-device'
import { age, clockTime, facts, jsonLine, Refusal, table, UsageError } from './output'

interface ListOptions {
  readonly owner?: string
  readonly platform?: string
  readonly state?: string
  readonly limit?: string
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
    .option('--owner <address>', 'of this user')
    .addOption(new Option('--platform <platform>', 'of this platform').choices(PLATFORMS))
    .addOption(new Option('--state <state>', 'in this state').choices(STATES))
    .option('--limit <count>', `at most this many; default: ${TABLE_LIMIT}, with --json all`)
    .action((options: ListOptions) => list(context(), options))
  importCommand(command, context)
  command
    .command('forget')
    .description('remove a device; it is unknown from then on')
    .argument('<id>')
    .action(async (id: string) => forget(context(), id))
}

/** An id as it is stored; what can be none is told before the store is asked. */
export function checkedDeviceId(id: string): string {
  if (!isDeviceId(id)) throw new UsageError(`a device id is text of 1 to ${RECORD_LIMITS.idChars} characters`)
  return id
}

/** A user as it is stored. */
export function checkedUser(user: string): string {
  const name = normaliseUser(user)
  if (!isUserName(name))
    throw new UsageError(`a user name is text of 1 to ${RECORD_LIMITS.ownerChars} characters`)
  return name
}

function get(context: CommandContext, id: string): void {
  const record = context.store().device(checkedDeviceId(id))
  if (!record) throw neverReported(context, id)
  const evidenceAge = age((context.now() - record.evidenceAt) / 1000)
  const text = facts([
    ['id', record.id],
    ['owners', record.owners.join(', ') || 'none'],
    ['platform', record.platform],
    ['state', record.state],
    ['findings', record.findings.join(', ') || 'none'],
    ['evidence', `${clockTime(record.evidenceAt)} (${evidenceAge} ago)`],
    ['source', `${record.source}, version ${record.version}`],
  ])
  answer(context, formatDeviceRecord(record), text)
}

const neverReported = (context: CommandContext, id: string): Refusal =>
  new Refusal(`no device ${id} was ever reported${didYouMean(context.store(), id)}`)

async function put(context: CommandContext, argument: string): Promise<void> {
  const parsed = parseDeviceRecord(json(argument === '-' ? await inputText(context) : argument))
  if (!parsed.ok) throw new Refusal(`the record was not written: ${parsed.problem}`)
  const { id, source } = parsed.record
  const since = performance.now()
  const [outcome] = await context.store().putDevices([parsed.record])
  if (!outcome) throw new Error(`the store gave no outcome for ${id}`)
  if (outcome.status === 'refused') {
    throw new Refusal(
      `the record was not written: source ${source} already said version ${outcome.storedVersion} ` +
        `with evidence of ${clockTime(outcome.storedEvidenceAt)}, which is newer`,
    )
  }
  if (outcome.status === 'applied') await untilInForce(context, since)
  answer(context, { id, status: outcome.status }, `device ${id}: ${outcome.status}\n`)
}

const MAX_INPUT_OCTETS = 1024 * 1024

async function inputText({ streams }: CommandContext): Promise<string> {
  const chunks: Uint8Array[] = []
  let octets = 0
  for await (const chunk of streams.input) {
    octets += chunk.length
    if (octets > MAX_INPUT_OCTETS)
      throw new Refusal(`standard input is longer than ${MAX_INPUT_OCTETS} octets: one record is meant`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Refusal(`the record is no JSON: ${(error as Error).message}`)
  }
}

const MAX_OWNED = 100_000

function* devicesToList(context: CommandContext, owner: string | undefined): Generator<DeviceRecord> {
  const store = context.store()
  if (owner !== undefined) {
    for (const id of store.deviceIdsOf(checkedUser(owner), MAX_OWNED)) {
      const record = unlessDamaged(
        () => store.device(id),
        (message) => note(context, message),
      )
      if (record) yield record
    }
    return
  }
  for (const record of everyDevice(store)) {
    if (record instanceof CorruptRecordError) note(context, record.message)
    else yield record
  }
}

/** How many devices the table shows; `--json` gives them all, one a line: that is the way to export them. */
const TABLE_LIMIT = 1000

function list(context: CommandContext, options: ListOptions): void {
  const limit = Number(options.limit ?? (context.json ? Infinity : TABLE_LIMIT))
  if (options.limit !== undefined && !(Number.isInteger(limit) && limit >= 1))
    throw new UsageError('--limit takes a count from 1')
  const { out } = context.streams
  const rows: string[][] = []
  let count = 0
  for (const record of devicesToList(context, options.owner)) {
    if (options.platform !== undefined && record.platform !== options.platform) continue
    if (options.state !== undefined && record.state !== options.state) continue
    count += 1
    if (count > limit) break
    if (context.json) out(jsonLine(formatDeviceRecord(record)))
    else rows.push(row(record, context.now()))
  }
  if (context.json) return
  if (count === 0) return out('no devices\n')
  out(table(['id', 'owners', 'platform', 'state', 'evidence', 'findings'], rows))
  if (count > limit) out('... and more: see them with --limit COUNT or --json\n')
}

const row = (record: DeviceRecord, now: number): string[] => [
  record.id,
  record.owners.join(' '),
  record.platform,
  record.state,
  age((now - record.evidenceAt) / 1000),
  record.findings.join(' '),
]

async function forget(context: CommandContext, id: string): Promise<void> {
  const since = performance.now()
  if (!(await context.store().forgetDevice(checkedDeviceId(id)))) throw neverReported(context, id)
  await untilInForce(context, since)
  answer(context, { forgotten: id }, `device ${id} forgotten\n`)
}
