import { FleetHost } from './fleet-host'

/** Follows a store until it is killed: `follow-process.ts DIR URL PREFIX`. */
const [dir = '', url = '', prefix = ''] = process.argv.slice(2)
const host = FleetHost.open({ dir, url, prefix, name: 'killed' })
setInterval(() => {
  for (const line of host.told.splice(0)) process.stdout.write(`${line}\n`)
}, 1).ref()
void host.ready().then(() => process.stdout.write('ready\n'))
