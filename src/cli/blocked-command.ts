import type { Command } from 'commander'

import { CorruptRecordError } from '../devices/store'
import type { Decision } from '../policy/decision'
import { decideForDevice } from './standing'
import type { CommandContext } from './context'
import { everyDevice } from './device-command'
import { age, printable, table } from './output'

/** How many devices the table shows; `--json` gives them all, one a line. */
const TABLE_LIMIT = 1000

export function blockedCommand(program: Command, context: () => CommandContext): void {
  program
    .command('blocked')
    .description('the devices that are blocked now, or in monitor mode would be')
    .action(() => blocked(context()))
}

function blocked(context: CommandContext): void {
  const rows: (string | null)[][] = []
  let count = 0
  for (const record of everyDevice(context.store())) {
    if (record instanceof CorruptRecordError) {
      context.streams.err(`${record.message}\n`)
      continue
    }
    const decision = decideForDevice(context, record)
    if (decision.outcome !== 'block') continue
    count += 1
    if (context.json) context.streams.out(`${JSON.stringify(line(decision, record.owners))}\n`)
    else if (count <= TABLE_LIMIT) {
      const evidence = decision.evidenceAt === null ? null : (context.now() - decision.evidenceAt) / 1000
      rows.push([
        record.id,
        record.owners.join(' '),
        record.platform,
        decision.enforced ? 'yes' : 'would be',
        decision.reason,
        decision.rule,
        age(evidence),
      ])
    }
  }
  if (context.json) return
  if (count === 0) return context.streams.out('no device is blocked\n')
  context.streams.out(table(['device', 'owners', 'platform', 'blocked', 'reason', 'rule', 'evidence'], rows))
  if (count > TABLE_LIMIT)
    context.streams.out(printable(`... and ${count - TABLE_LIMIT} more: --json lists all\n`))
}

const line = (decision: Decision, owners: readonly string[]): object => ({
  device: decision.deviceId,
  owners,
  platform: decision.platform,
  enforced: decision.enforced,
  reason: decision.reason,
  rule: decision.rule,
})
