import { setTimeout as sleep } from 'node:timers/promises'
import { InvalidArgumentError, type Command } from 'commander'

import { pseudonymKey } from '../config/pseudonym-key-file'
import { readStatus } from '../config/status-file'
import { normaliseUser } from '../devices/record'
import { BlockLog } from '../journal/block-log'
import { isOf, type Erasure } from '../journal/erasures'
import { readEntry } from '../journal/stored'
import { PSEUDONYM_KINDS, Pseudonyms, type PseudonymKind } from '../journal/pseudonym'
import { exportForm } from '../lookup/exported'
import { answer, note, type CommandContext } from './context'
import { authorship, orderDesk, type ReasonOptions } from './orders'
import { facts, UsageError } from './output'

interface EraseOptions extends ReasonOptions {
  readonly user: string
}

/** Ten files of 50 MB take some ten seconds to go through. */
const PATIENCE_MS = 120_000
const LOOK_MS = 100

export function journalCommand(program: Command, context: () => CommandContext): void {
  const command = program
    .command('journal')
    .description('look after the block log and what it tells of people')
  command
    .command('erase')
    .description('take out all that the block log, its journal and the traffic record tell of a user')
    .requiredOption('--user <address>', 'whom')
    .option('--reason <text>', 'why; kept in the history, so do not name the person here')
    .action((options: EraseOptions) => erase(context(), options))
  const pseudonym = command
    .command('pseudonym')
    .description('the keyed hash that a name has in the block log and in exports with journal.pseudonymise')
    .option('--user <address>', 'of a user', nonEmpty)
    .option('--device <id>', 'of a device', nonEmpty)
    .option('--remote <address>', 'of a client address', nonEmpty)
    .option('--decision <id>', 'of a decision id', nonEmpty)
  pseudonym.action((options: Partial<Record<PseudonymKind, string>>) => tellPseudonym(context(), options))
}

function nonEmpty(text: string): string {
  if (text === '') throw new InvalidArgumentError('it is empty')
  return text
}

async function erase(context: CommandContext, options: EraseOptions): Promise<void> {
  const user = normaliseUser(options.user)
  const by = authorship(context, options)
  if (user === '') throw new UsageError('--user is empty')
  if (by.reason.toLowerCase().includes(user))
    throw new UsageError('the reason names the person, and the history keeps it: say it without the name')
  const { stateDir, store } = context.config()
  const pseudonym = new Pseudonyms(pseudonymKey(stateDir)).of('user', user)
  await orderDesk(context).noteErasure(pseudonym, by)
  const journal = context.journalStore()
  const { erasure, entries, visits } = await journal.erase(user, pseudonym, context.now())
  const lines = await linesTakenOut(context, erasure)
  const fleetEntries = store.kind === 'redis' ? await eraseInFleet(context, erasure) : undefined
  answer(
    context,
    { pseudonym, entries, visits, lines, ...(fleetEntries !== undefined && { fleet_entries: fleetEntries }) },
    facts([
      ['erased', pseudonym],
      ['entries of the journal', String(entries)],
      ['visits of the traffic record', String(visits)],
      ['lines of the block log', lines === null ? 'being taken out by Haraka' : String(lines)],
      ['entries of the fleet', fleetEntries === undefined ? undefined : String(fleetEntries)],
    ]),
  )
  if (store.kind === 'redis')
    note(context, 'each other host of the fleet has a journal of its own: run it there too')
}

/** By the process that writes the files, which is Haraka's where it runs; null: it is still at it. */
async function linesTakenOut(context: CommandContext, { salt }: Erasure): Promise<number | null> {
  const { stateDir } = context.config()
  const journal = context.journalStore()
  if (!readStatus(stateDir)) {
    const problems: unknown[] = []
    const log = new BlockLog(stateDir, journal, (error) => problems.push(error), {
      shown: exportForm(context.config),
    })
    await log.close()
    if (problems.length > 0) throw problems[0]
  }
  const end = context.now() + PATIENCE_MS
  while (context.now() < end) {
    const lines = journal.erasures.all().find((one) => one.salt === salt)?.lines ?? null
    if (lines !== null) return lines
    await sleep(LOOK_MS)
  }
  return null
}

/** Twice: what this host was just forwarding comes behind the first look. */
async function eraseInFleet(context: CommandContext, erasure: Erasure): Promise<number> {
  const journal = context.fleet()?.journal
  if (!journal) return 0
  const isGone = (text: string): boolean => {
    const entry = readEntry(text)
    return entry !== undefined && entry.time <= erasure.at && isOf(erasure, entry.user)
  }
  const first = await journal.erase(isGone)
  await sleep(1000)
  return first + (await journal.erase(isGone))
}

function tellPseudonym(context: CommandContext, options: Partial<Record<PseudonymKind, string>>): void {
  const [kind, another] = (Object.keys(PSEUDONYM_KINDS) as PseudonymKind[]).filter(
    (one) => options[one] !== undefined,
  )
  if (kind === undefined || another !== undefined)
    throw new UsageError('name one of --user, --device, --remote and --decision')
  const name = options[kind] ?? ''
  const pseudonym = new Pseudonyms(pseudonymKey(context.config().stateDir)).of(
    kind,
    kind === 'user' ? normaliseUser(name) : kind === 'decision' ? name.toUpperCase() : name,
  )
  answer(context, { [kind]: name, pseudonym }, `${pseudonym}\n`)
}
