import type { Command } from 'commander'

import { everyDevice } from '../devices/every-device'
import { CorruptRecordError } from '../devices/store'
import { csvRow } from '../lookup/csv'
import { PLATFORMS, type Platform } from '../policy/vocabulary'
import { answer, note, type CommandContext } from './context'
import { UsageError } from './output'
import { writeSecret } from './secret-output'
import { tagIssuer } from './tag-issuer'

export function tagExportCommand(tag: Command, context: () => CommandContext): void {
  tag
    .command('export')
    .description(
      'write the tagged user names of all devices and owners to a CSV file, for a device manager to take in',
    )
    .argument('<file>', 'written with mode 0600: it carries every tag')
    .option('--platform <name>', 'of this platform alone')
    .action((file: string, { platform }: { platform?: string }) => exportTags(context(), file, platform))
}

function exportTags(context: CommandContext, file: string, platform: string | undefined): void {
  const only = platform === undefined ? undefined : knownPlatform(platform)
  const nameOf = tagIssuer(context)
  const rows = [csvRow(['device', 'user', 'name'])]
  for (const device of everyDevice(context.store())) {
    if (device instanceof CorruptRecordError) note(context, device.message)
    else if (only === undefined || device.platform === only)
      for (const user of device.owners) rows.push(csvRow([device.id, user, nameOf(user, device.id)]))
  }
  writeSecret(file, rows.join(''))
  const names = rows.length - 1
  answer(context, { file, rows: names }, `${file}: ${names} tagged user names\n`)
}

function knownPlatform(text: string): Platform {
  const known = PLATFORMS.find((platform) => platform === text)
  if (!known) throw new UsageError(`--platform "${text}" is none of ${PLATFORMS.join(', ')}`)
  return known
}
