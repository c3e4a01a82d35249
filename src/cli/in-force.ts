import { untilInForce as untilAllHaveIt, type InForce } from '../orders/in-force'
import { note, type CommandContext } from './context'

/** Waits until what this command wrote is in force everywhere; tells which host does not have it in time. */
export async function untilInForce(
  context: CommandContext,
  since: number,
  options?: { readonly hereOnly: boolean },
): Promise<InForce[]> {
  const hosts = await untilAllHaveIt(context, since, options)
  for (const { host, ms } of hosts)
    if (ms === null) note(context, `${host} does not have it in force yet: see device-gate status`)
  return hosts
}

export const inForceText = (hosts: readonly InForce[]): [string, string][] =>
  hosts.map(({ host, ms }) => [`in force on ${host}`, ms === null ? 'not yet' : `after ${ms} ms`])
