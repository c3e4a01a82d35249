/** The one process of a host that follows the store: `control-process.ts DIR URL NAME LEASE_MS`. */
import { FleetHost } from '../devices/redis/fleet-host'
import { onOrder, tell } from './lines'

const [dir = '', url = '', name = '', leaseMs = ''] = process.argv.slice(2)
const host = FleetHost.open({ dir, url, prefix: 'dg:', name, leaseMs: Number(leaseMs) })
// As it comes: nothing is lost when the process is killed.
host.told.push = (...lines: string[]) => {
  for (const line of lines) tell(line)
  return 0
}
onOrder((word) => {
  if (word !== 'restore') return
  host.fleet
    .fill(() => undefined)
    .then(
      ({ devices }) => tell('restored', devices),
      (error: unknown) => tell('not restored:', String(error)),
    )
})
void host.ready().then(() => tell('ready'))
