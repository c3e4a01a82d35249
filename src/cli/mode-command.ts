import { Argument, type Command } from 'commander'

import type { ModeOverride } from '../devices/store'
import { MODES, type Mode } from '../policy/vocabulary'
import { modeFacts, modeOverrideJson, type ModeFacts } from '../lookup/mode'
import { NO_POLICY } from '../lookup/site'
import { answer, type CommandContext } from './context'
import { inForceJson, type InForce } from '../orders/in-force'
import { inForceText, untilInForce } from './in-force'
import { authorship, CONFIRM, confirmed, orderDesk, type ReasonOptions } from './orders'
import { clockTime, facts } from './output'

export function modeCommand(program: Command, context: () => CommandContext): void {
  program
    .command('mode')
    .description("show the mode, or set an override beside the policy's own mode; `policy` takes it away")
    .addArgument(new Argument('[mode]').choices([...MODES, 'policy']))
    .option('--reason <text>', 'why; kept with it')
    .option(...CONFIRM)
    .action(async (mode: Mode | 'policy' | undefined, options: ReasonOptions) => {
      show(context(), mode === undefined ? null : await set(context(), mode, options))
    })
}

async function set(
  context: CommandContext,
  mode: Mode | 'policy',
  options: ReasonOptions,
): Promise<InForce[]> {
  const by = authorship(context, options)
  const since = performance.now()
  await orderDesk(context).setMode(mode === 'policy' ? null : mode, by, confirmed(options))
  return untilInForce(context, since)
}

export const overrideText = (override: ModeOverride | null): string =>
  override ? `${override.mode} (${override.author}, ${clockTime(override.at)}: ${override.reason})` : 'none'

export const modeText = ({ mode, damaged }: ModeFacts): string =>
  mode ?? (damaged.length > 0 ? 'as fail_mode says' : `none: ${NO_POLICY}`)

function show(context: CommandContext, hosts: readonly InForce[] | null): void {
  const found = modeFacts(context)
  const { mode, policyMode, override, enforcement, damaged } = found
  const json = {
    mode,
    policy_mode: policyMode,
    mode_override: modeOverrideJson(override),
    enforcement,
    damaged,
    ...(hosts && { hosts: inForceJson(hosts) }),
  }
  const text = facts([
    ...damaged.map((message) => ['DAMAGED', message] as const),
    ['mode in force here', modeText(found)],
    ["policy's own mode", policyMode],
    ['mode override', overrideText(override)],
    ["this host's enforcement", enforcement],
    ...inForceText(hosts ?? []),
  ])
  answer(context, json, text)
}
