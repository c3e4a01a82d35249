import { TRAFFIC_KEPT_MS } from '../journal/traffic'
import type { Proof } from '../policy/vocabulary'
import type { CommandContext } from './context'

/** The devices that proved themselves so as long as the traffic record of this host goes back. */
export function devicesThatCameBy(context: CommandContext, wanted: Proof): Set<string> {
  const devices = new Set<string>()
  for (const { proof, device } of context.traffic(context.now() - TRAFFIC_KEPT_MS))
    if (proof === wanted && device !== null) devices.add(device)
  return devices
}
