import { Argument, type Command } from 'commander'

import { readStatus } from '../config/status-file'
import type { ModeOverride } from '../devices/store'
import { effectiveMode, siteMode } from '../policy/effective-mode'
import { MODES, type Mode } from '../policy/vocabulary'
import { unlessDamaged } from '../devices/unless-damaged'
import type { InForce } from '../orders/in-force'
import { answer, type CommandContext } from './context'
import { inForceText, untilInForce } from './in-force'
import { authorship, CONFIRM, confirmed, orderDesk, type ReasonOptions } from './orders'
import { clockTime, facts, isoTime } from './output'

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

/** What makes up the mode in force on this host; the damaged parts of it are left out. */
export function modeFacts(context: CommandContext): {
  readonly mode: Mode | null
  readonly policyMode: Mode | null
  readonly policyVersion: number | null
  readonly override: ModeOverride | null
  /** What is the matter with those parts, and how to mend them. */
  readonly damaged: readonly string[]
} {
  const store = context.store()
  const damaged = new Set<string>()
  const tell = (message: string): unknown => damaged.add(message)
  const override = unlessDamaged(() => store.modeOverride(), tell) ?? null
  const active = unlessDamaged(() => store.activePolicy(), tell)
  const storeProblem = readStatus(context.config().stateDir)?.storeProblem
  if (storeProblem) tell(storeProblem)
  const mode = active ? effectiveMode(siteMode(active), context.config().enforcement) : null
  return {
    mode,
    policyMode: active?.policy.mode ?? null,
    policyVersion: active?.version ?? null,
    override,
    damaged: [...damaged],
  }
}

export const overrideJson = (override: ModeOverride | null): object | null =>
  override && { ...override, at: isoTime(override.at) }

export const overrideText = (override: ModeOverride | null): string =>
  override ? `${override.mode} (${override.author}, ${clockTime(override.at)}: ${override.reason})` : 'none'

export const modeText = ({ mode, damaged }: ReturnType<typeof modeFacts>): string =>
  mode ?? (damaged.length > 0 ? 'as fail_mode says' : `none: ${NO_POLICY}`)

export const NO_POLICY = 'no policy was applied yet: start Haraka with the plugin once'

function show(context: CommandContext, hosts: readonly InForce[] | null): void {
  const found = modeFacts(context)
  const { mode, policyMode, override, damaged } = found
  const { enforcement } = context.config()
  const json = {
    mode,
    policy_mode: policyMode,
    mode_override: overrideJson(override),
    enforcement,
    damaged,
    ...(hosts && { hosts }),
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
