import { Argument, type Command } from 'commander'

import { MODES, type Mode } from '../policy/vocabulary'
import { answer, author, checkedReason, unlessDamaged, type CommandContext } from './context'
import { facts, isoTime } from './output'

export function modeCommand(program: Command, context: () => CommandContext): void {
  program
    .command('mode')
    .description("show the mode, or set an override beside the policy's own mode; `policy` takes it away")
    .addArgument(new Argument('[mode]').choices([...MODES, 'policy']))
    .option('--reason <text>', 'why; kept with it')
    .action(async (mode: Mode | 'policy' | undefined, options: { reason?: string }) => {
      if (mode !== undefined) await set(context(), mode, options.reason)
      show(context())
    })
}

async function set(
  context: CommandContext,
  mode: Mode | 'policy',
  reason: string | undefined,
): Promise<void> {
  const by = { author: author(), reason: checkedReason(reason), at: context.now() }
  await context.store().setModeOverride(mode === 'policy' ? null : mode, by)
}

function show(context: CommandContext): void {
  const { enforcement } = context.config()
  const tell = (message: string): void => context.streams.err(`${message}\n`)
  const active = unlessDamaged(() => context.store().activePolicy(), tell)
  const override = unlessDamaged(() => context.store().modeOverride(), tell) ?? null
  const policyMode = active?.policy.mode ?? null
  const json = { policy: policyMode, override, enforcement }
  const text = facts([
    ["policy's own mode", policyMode ?? 'no policy applied yet'],
    [
      'override',
      override
        ? `${override.mode} (${override.author}, ${isoTime(override.at)}: ${override.reason})`
        : 'none',
    ],
    ["this host's enforcement", enforcement],
  ])
  answer(context, json, text)
}
