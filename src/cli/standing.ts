import { decisionRequest } from '../gate/request'
import { decide } from '../policy/decide'
import type { Claim, Decision } from '../policy/decision'
import type { DeviceRecord } from '../policy/device'
import type { CommandContext } from './context'
import { Refusal } from './output'

/** The decision now for a user, with or without a proven device: as a worker of this host would make it. */
export function decideFor(context: CommandContext, user: string, claim: Claim | null): Decision {
  const active = context.store().activePolicy()
  if (!active) throw new Refusal('no policy was applied yet: start Haraka with the plugin once')
  const { enforcement, identity } = context.config()
  const now = context.now()
  const subject = { user, claim, platformHint: null, exemptNetwork: false }
  const host = { enforcement, unidentified: identity.unidentified }
  return decide(decisionRequest(context.store(), subject, active, host, now), now)
}

/** A device as it stands when it proves itself with a tag of its first owner. */
export const decideForDevice = (
  context: CommandContext,
  device: Pick<DeviceRecord, 'id' | 'owners'>,
): Decision => decideFor(context, device.owners[0] ?? '', { deviceId: device.id, proof: 'tag' })
