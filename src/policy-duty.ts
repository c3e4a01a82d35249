import { formatProblem } from './config/config-problem'
import { ConfigError } from './config/host-config-source'
import { openPolicy, type PolicyReading } from './config/policy-source'
import { CorruptRecordError } from './devices/store'
import type { ControlParts } from './host-parts'
import { OrderDesk } from './orders/order-desk'
import { pendingText } from './orders/pending'

export interface PolicyDuty {
  /** Why the policy file as it is now is not in force; empty when it is, or need not be. */
  problems(): readonly string[]
  close(): Promise<void>
}

/** A start without a policy waits so long for the store, which may have one; then it goes on. */
const FIRST_POLICY_MS = 5000

/** Takes the policy file into the store, and each edit of it. Throws ConfigError when there is no policy at all. */
export async function followPolicyFile(parts: ControlParts, onChange: () => void): Promise<PolicyDuty> {
  const { store, logger, onFault } = parts
  const desk = new OrderDesk(store, Date.now)
  let problems: readonly string[] = []
  const say = (found: readonly string[]): void => {
    problems = found
    onChange()
  }
  const take = async (reading: PolicyReading, reason: string): Promise<void> => {
    if (!reading.ok) {
      const found = reading.problems.map(formatProblem)
      for (const problem of found) logger.error({}, `policy not taken: ${problem}`)
      say(found)
      return
    }
    const by = { author: 'policy file', reason, at: Date.now() }
    const { pending } = await desk.takeFile(reading, by)
    if (pending) {
      const { newlyBlocked, devices, bound } = pending
      logger.warn({ newlyBlocked, devices, bound }, `policy file held back: ${pendingText(pending)}`)
    } else
      logger.info({ policy: store.activePolicy()?.version, mode: reading.policy.mode }, 'policy in force')
    say([])
  }
  const notTaken = (error: unknown): void => {
    onFault(error)
    say([error instanceof Error ? error.message : String(error)])
  }

  const file = openPolicy(parts.harakaDir)
  if (!file.first.ok && !store.activePolicy()) throw new ConfigError(file.first.problems)
  await take(file.first, 'read at start')
  let turn = Promise.resolve()
  const watcher = file.watch((reading) => {
    turn = turn.then(() => take(reading, 'the file was edited')).catch(notTaken)
  })
  return {
    problems: () => problems,
    close: async () => {
      watcher.close()
      await turn
    },
  }
}

/**
 * The policy lives in the store: the file is taken only when there is none yet. `ready` resolves when it is
 * known what the store has. Throws ConfigError when an embedded store can get no policy from anywhere.
 */
export async function seedPolicy(
  parts: ControlParts,
  ready: Promise<void>,
  onChange: () => void,
): Promise<PolicyDuty> {
  const { store, fleet, logger, onFault, harakaDir } = parts
  let problems: readonly string[] = []
  const seed = async (): Promise<void> => {
    await ready
    if (hasPolicy(parts)) return
    const { first } = openPolicy(harakaDir)
    if (!first.ok) {
      if (!fleet) throw new ConfigError(first.problems)
      problems = [
        'the store has no policy: device-gate policy apply FILE',
        ...first.problems.map(formatProblem),
      ]
      for (const problem of problems) logger.error({}, `policy: ${problem}`)
      onChange()
      return
    }
    const by = { author: 'policy file', reason: 'the store had none', at: Date.now() }
    const applied = await (fleet
      ? fleet.store.applyFirstPolicy(first.policy, first.text, by)
      : store.applyPolicy(first.policy, first.text, by))
    logger.info({ policy: applied.version, mode: applied.policy.mode }, 'policy in force')
  }
  const seeding = hasPolicy(parts) ? Promise.resolve() : seed()
  const tooLong = new Promise<void>((resolve) => setTimeout(resolve, FIRST_POLICY_MS).unref())
  await Promise.race([seeding, tooLong])
  seeding.catch(onFault)
  return { problems: () => problems, close: () => Promise.resolve() }
}

/** One that cannot be read is one too: it must not be replaced without anybody asking. */
function hasPolicy({ store }: ControlParts): boolean {
  try {
    return store.activePolicy() !== undefined
  } catch (error) {
    if (error instanceof CorruptRecordError) return true
    throw error
  }
}
