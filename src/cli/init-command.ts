import fs from 'node:fs'
import path from 'node:path'

import type { Command } from 'commander'

import { answer, configFile, siteDirectory, type CommandContext } from './context'
import { table } from './output'

/** The site's own once they are there. */
const SETTINGS = ['device_gate.yaml', 'device_gate_policy.yaml']
/** What an editor checks them with: of this version of the program. */
const SCHEMAS = ['device_gate.schema.json', 'device_gate_policy.schema.json']
const SAMPLES = path.join(__dirname, '..', '..', 'config')
const PLUGIN = /^\s*(?:haraka-plugin-)?device-gate\s*$/m

type Done = 'written' | 'kept' | 'renewed'

export function initCommand(program: Command, context: () => CommandContext): void {
  program
    .command('init')
    .description("write the gate's config files into Haraka's config directory, those that are not there yet")
    .action(() => init(context()))
}

function init(context: CommandContext): void {
  siteDirectory(context.harakaDir)
  const files = [
    ...SETTINGS.map((name) => ({ file: name, done: provide(context, name, false) })),
    ...SCHEMAS.map((name) => ({ file: name, done: provide(context, name, true) })),
  ]
  const enabled = isEnabled(configFile(context, 'plugins'))
  const rows = files.map(({ file, done }) => [`config/${file}`, done])
  answer(context, { files, plugin_enabled: enabled }, `${table(['file', ''], rows)}\n${nextSteps(enabled)}`)
}

/** Never takes a setting of the site away. */
function provide(context: CommandContext, name: string, ours: boolean): Done {
  const sample = path.join(SAMPLES, name)
  const file = configFile(context, name)
  try {
    fs.copyFileSync(sample, file, fs.constants.COPYFILE_EXCL)
    return 'written'
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  if (!ours || fs.readFileSync(file).equals(fs.readFileSync(sample))) return 'kept'
  fs.copyFileSync(sample, file)
  return 'renewed'
}

const isEnabled = (file: string): boolean => fs.existsSync(file) && PLUGIN.test(fs.readFileSync(file, 'utf8'))

const nextSteps = (enabled: boolean): string =>
  [
    'next',
    ...(enabled ? [] : ['  config/plugins             add the line device-gate, above your auth plugin']),
    '  config/device_gate.yaml    set imap.upstream, your IMAP server, and imap.listen',
    '  device-gate tag rotate     makes the key of the device tags, where you use them',
    '  start Haraka               the policy begins in mode: monitor, which refuses nobody',
    '  device-gate status         says whether all is well',
    '',
  ].join('\n')
