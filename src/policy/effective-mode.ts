import type { ActivePolicy } from './policy'
import type { Enforcement, Mode } from './vocabulary'

const STRICTNESS: Readonly<Record<Mode, number>> = { off: 0, monitor: 1, enforce: 2 }

/** What the site asks for: the override where one stands, else the policy's own mode. */
export const siteMode = (active: Pick<ActivePolicy, 'policy' | 'modeOverride'>): Mode =>
  active.modeOverride ?? active.policy.mode

/** The mode in force on a host: its break-glass switch loosens the site's mode and never tightens it. */
export function effectiveMode(mode: Mode, enforcement: Enforcement): Mode {
  if (enforcement === 'policy') return mode
  return STRICTNESS[enforcement] < STRICTNESS[mode] ? enforcement : mode
}
