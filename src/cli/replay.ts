import { unlessDamaged } from '../devices/unless-damaged'
import { judge } from '../gate/judge'
import { startOf, type Visit } from '../journal/traffic'
import { effectOf, type Claim, type Decision, type Subject } from '../policy/decision'
import type { ActivePolicy } from '../policy/policy'
import type { Protocol } from '../policy/vocabulary'
import { answer, note, type CommandContext } from './context'
import { clockTime, isoTime, table } from './output'

/** Somebody who synced, and would not have. */
interface CutOff {
  readonly user: string
  readonly device: string | null
  readonly protocols: Set<Protocol>
  /** Buckets of ten minutes in which they synced in vain. */
  count: number
  readonly first: number
  last: number
  readonly reason: string
  readonly rule: string | null
}

export interface ReplayRequest {
  readonly file: string
  readonly since: number
  readonly active: ActivePolicy
  /** As if it were enforced. */
  readonly draft: ActivePolicy
}

const SHOWN = 50

/** Decides the recorded traffic again under a draft, each visit at the moment it was made. */
export function replayTraffic(context: CommandContext, { file, since, active, draft }: ReplayRequest): void {
  const before = standingAt(context, active)
  const after = standingAt(context, draft)
  const cutOff = new Map<string, CutOff>()
  let visits = 0
  let from: number | null = null
  for (const visit of context.traffic(since)) {
    const at = startOf(visit.bucket)
    visits += 1
    from ??= at
    const decision = after(visit, at)
    if (!isBlocked(decision) || isBlocked(before(visit, at))) continue
    add(cutOff, visit, decision, at)
  }
  const people = [...cutOff.values()]
  const count = new Set(people.map(({ user }) => user)).size
  const json = {
    file,
    replayed: { since: isoTime(since), recorded_from: from === null ? null : isoTime(from), visits },
    people_cut_off: count,
    cut_off: people.map(cutOffJson),
  }
  answer(context, json, replayText({ since, from, visits, count, people }))
}

/** What a visit gets under a policy; asked for in the order of time, so that an answer serves while it holds. */
function standingAt(
  context: CommandContext,
  active: ActivePolicy,
): (visit: Visit, at: number) => Decision | undefined {
  const store = context.store()
  const { unidentified } = context.config().identity
  // As on a host that loosens nothing.
  const host = { enforcement: 'policy', unidentified } as const
  const known = new Map<string, Decision | undefined>()
  return (visit, at) => {
    const subject = subjectOf(visit)
    const key = JSON.stringify(subject)
    const last = known.get(key)
    if (last ? at < last.validUntil : known.has(key)) return last
    const decision = unlessDamaged(
      () => judge(store, subject, active, host, at).decision,
      (message) => note(context, message),
    )
    known.set(key, decision)
    return decision
  }
}

const subjectOf = ({ user, device, proof, platformHint }: Visit): Subject => ({
  user,
  claim: device === null ? null : { deviceId: device, proof: proof as Claim['proof'] },
  platformHint,
  exemptNetwork: false,
})

const isBlocked = (decision: Decision | undefined): boolean =>
  decision !== undefined && effectOf(decision) === 'block'

function add(cutOff: Map<string, CutOff>, visit: Visit, decision: Decision | undefined, at: number): void {
  if (!decision) return
  const { deviceId: device, reason, rule } = decision
  const key = JSON.stringify([visit.user, device])
  const known = cutOff.get(key)
  if (!known) {
    const protocols = new Set([visit.protocol])
    cutOff.set(key, { user: visit.user, device, protocols, count: 1, first: at, last: at, reason, rule })
    return
  }
  known.protocols.add(visit.protocol)
  known.count += 1
  known.last = at
}

const cutOffJson = ({ user, device, protocols, count, first, last, reason, rule }: CutOff): object => ({
  user,
  device,
  protocols: [...protocols],
  count,
  first: isoTime(first),
  last: isoTime(last),
  reason,
  rule,
})

function replayText(told: {
  readonly since: number
  readonly from: number | null
  readonly visits: number
  readonly count: number
  readonly people: readonly CutOff[]
}): string {
  const { since, from, visits, count, people } = told
  if (from === null) return `no traffic is recorded on this host since ${clockTime(since)}\n`
  const heading = `of ${visits} visits on this host from ${clockTime(from)} on, ${count} people would have been cut off\n`
  if (people.length === 0) return heading
  const rows = people
    .slice(0, SHOWN)
    .map((one) => [
      clockTime(one.first),
      clockTime(one.last),
      one.user,
      one.device,
      [...one.protocols].join(' '),
      one.count,
      one.rule ?? one.reason,
    ])
  const more = people.length > SHOWN ? `... and ${people.length - SHOWN} more: --json lists all\n` : ''
  return `${heading}${table(['first', 'last', 'user', 'device', 'protocols', 'times', 'because of'], rows)}${more}`
}
