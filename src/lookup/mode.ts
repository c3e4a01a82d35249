import { readStatus } from '../config/status-file'
import type { ModeOverride } from '../devices/store'
import { unlessDamaged } from '../devices/unless-damaged'
import { effectiveMode, siteMode } from '../policy/effective-mode'
import type { Enforcement, Mode } from '../policy/vocabulary'
import { isoTime, type LookupSite } from './site'

/** What makes up the mode in force on this host; the damaged parts of it are left out. */
export interface ModeFacts {
  readonly mode: Mode | null
  readonly policyMode: Mode | null
  readonly policyVersion: number | null
  readonly override: ModeOverride | null
  readonly enforcement: Enforcement
  /** What is the matter with those parts, and how to mend them. */
  readonly damaged: readonly string[]
}

export function modeFacts(site: Pick<LookupSite, 'store' | 'config'>): ModeFacts {
  const store = site.store()
  const { enforcement, stateDir } = site.config()
  const damaged = new Set<string>()
  const tell = (message: string): unknown => damaged.add(message)
  const override = unlessDamaged(() => store.modeOverride(), tell) ?? null
  const active = unlessDamaged(() => store.activePolicy(), tell)
  const storeProblem = readStatus(stateDir)?.storeProblem
  if (storeProblem) tell(storeProblem)
  const mode = active ? effectiveMode(siteMode(active), enforcement) : null
  return {
    mode,
    policyMode: active?.policy.mode ?? null,
    policyVersion: active?.version ?? null,
    override,
    enforcement,
    damaged: [...damaged],
  }
}

export const modeOverrideJson = (override: ModeOverride | null): object | null =>
  override && { ...override, at: isoTime(override.at) }
