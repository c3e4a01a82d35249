import fs from 'node:fs'
import path from 'node:path'
import { SingleBar } from 'cli-progress'
import { Option, type Command } from 'commander'

import { importDevices, type ImportFormat, type ImportSource, type ImportSummary } from '../devices/import'
import { answer, type CommandContext } from './context'
import { untilInForce } from './in-force'
import { printable, Refusal, UsageError } from './output'

const READ_OCTETS = 1024 * 1024
const STANDARD_INPUT = '-'

interface ImportCommandOptions {
  readonly format?: ImportFormat
  readonly strict?: boolean
}

export function importCommand(device: Command, context: () => CommandContext): void {
  device
    .command('import')
    .description('read device records from an NDJSON or CSV file, or from standard input (-)')
    .argument('<file>')
    .addOption(new Option('--format <format>', 'default: by the name of the file').choices(['ndjson', 'csv']))
    .option('--strict', 'one bad line refuses the whole file')
    .action(async (file: string, options: ImportCommandOptions) => importFile(context(), file, options))
}

const formatOf = (file: string): ImportFormat =>
  path.extname(file).toLowerCase() === '.csv' ? 'csv' : 'ndjson'

async function importFile(
  context: CommandContext,
  file: string,
  options: ImportCommandOptions,
): Promise<void> {
  const strict = options.strict === true
  const { source, octets } = sourceOf(context, file, strict)
  const bar =
    context.streams.interactive && octets > 0
      ? new SingleBar({ stream: process.stderr, format: '{step} {bar} {percentage}% {lines} lines' })
      : undefined
  bar?.start(octets, 0, { step: 'reading', lines: 0 })
  try {
    const summary = await importDevices(
      source,
      options.format ?? formatOf(file),
      (records) => context.store().putDevices(records),
      { strict, onProgress: ({ step, octets: done, lines }) => bar?.update(done, { step, lines }) },
    )
    bar?.stop()
    await untilInForce(context, performance.now())
    report(context, file, summary, strict)
  } finally {
    bar?.stop()
  }
}

/** What to read and how much of it there is; 0 where nobody knows. */
function sourceOf(
  context: CommandContext,
  file: string,
  strict: boolean,
): { readonly source: ImportSource; readonly octets: number } {
  const once = file === STANDARD_INPUT ? { isFile: () => false, size: 0 } : statOf(file)
  if (strict && !once.isFile())
    throw new UsageError('--strict reads all of it twice, which a pipe cannot give: put it into a file first')
  return {
    source: () =>
      file === STANDARD_INPUT
        ? context.streams.input
        : fs.createReadStream(file, { highWaterMark: READ_OCTETS }),
    octets: once.size,
  }
}

function statOf(file: string): fs.Stats {
  try {
    return fs.statSync(file)
  } catch (error) {
    throw new Refusal(`${file} cannot be read: ${(error as Error).message}`)
  }
}

function report(context: CommandContext, file: string, summary: ImportSummary, strict: boolean): void {
  const name = file === STANDARD_INPUT ? 'standard input' : path.basename(file)
  const told = [...summary.problems, ...summary.refusals]
  for (const { line, problem } of told) context.streams.err(`${name}:${line} ${printable(problem)}\n`)
  const untold = summary.bad + summary.refused - told.length
  if (untold > 0) context.streams.err(`... and ${untold} more\n`)
  if (strict && summary.bad > 0) {
    throw new Refusal(`nothing was imported: ${summary.bad} bad lines, and --strict was given`)
  }
  const { applied, unchanged, refused, bad } = summary
  answer(
    context,
    summary,
    `${applied} applied, ${unchanged} unchanged, ${refused} refused as older, ${bad} bad\n`,
  )
}
