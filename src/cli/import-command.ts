import fs from 'node:fs'
import path from 'node:path'
import { SingleBar } from 'cli-progress'
import type { Command } from 'commander'

import { importDevices, type ImportFormat, type ImportSummary } from '../devices/import'
import { answer, type CommandContext } from './context'
import { printable, Refusal, UsageError } from './output'

const READ_OCTETS = 1024 * 1024

interface ImportCommandOptions {
  readonly format?: string
  readonly strict?: boolean
}

export function importCommand(device: Command, context: () => CommandContext): void {
  device
    .command('import')
    .description('read device records from an NDJSON or CSV file')
    .argument('<file>')
    .option('--format <format>', 'ndjson or csv; default: by the name of the file')
    .option('--strict', 'one bad line refuses the whole file')
    .action(async (file: string, options: ImportCommandOptions) => importFile(context(), file, options))
}

function formatOf(file: string, format: string | undefined): ImportFormat {
  const name = format ?? (path.extname(file).toLowerCase() === '.csv' ? 'csv' : 'ndjson')
  if (name !== 'csv' && name !== 'ndjson') throw new UsageError('--format takes ndjson or csv')
  return name
}

async function importFile(
  context: CommandContext,
  file: string,
  options: ImportCommandOptions,
): Promise<void> {
  const total = sizeOf(file)
  const format = formatOf(file, options.format)
  const strict = options.strict === true
  const bar = context.streams.interactive
    ? new SingleBar({ stream: process.stderr, format: '{step} {bar} {percentage}% {lines} lines' })
    : undefined
  bar?.start(total, 0, { step: 'reading', lines: 0 })
  try {
    const summary = await importDevices(
      () => fs.createReadStream(file, { highWaterMark: READ_OCTETS }),
      format,
      (records) => context.store().putDevices(records),
      { strict, onProgress: ({ step, octets, lines }) => bar?.update(octets, { step, lines }) },
    )
    bar?.stop()
    report(context, file, summary, strict)
  } finally {
    bar?.stop()
  }
}

function sizeOf(file: string): number {
  try {
    return fs.statSync(file).size
  } catch (error) {
    throw new Refusal(`${file} cannot be read: ${(error as Error).message}`)
  }
}

function report(context: CommandContext, file: string, summary: ImportSummary, strict: boolean): void {
  const told = [...summary.problems, ...summary.refusals]
  for (const { line, problem } of told) {
    context.streams.err(`${path.basename(file)}:${line} ${printable(problem)}\n`)
  }
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
