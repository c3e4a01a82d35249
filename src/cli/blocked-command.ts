import type { Command } from 'commander'

import { everyDevice } from '../devices/every-device'
import { CorruptRecordError } from '../devices/store'
import type { Decision } from '../policy/decision'
import { note, type CommandContext } from './context'
import { age, isoTime, jsonLine, outcomeStyle, table, type Cell } from './output'
import { standing } from './standing'

/** How many devices the table shows; `--json` gives them all, one a line. */
const TABLE_LIMIT = 1000

export function blockedCommand(program: Command, context: () => CommandContext): void {
  program
    .command('blocked')
    .description('the devices that are blocked now, or in monitor mode would be')
    .action(() => blocked(context()))
}

function blocked(context: CommandContext): void {
  const { out } = context.streams
  const rows: Cell[][] = []
  const decide = standing(context)
  let count = 0
  for (const record of everyDevice(context.store())) {
    if (record instanceof CorruptRecordError) {
      note(context, record.message)
      continue
    }
    // As it stands when it proves itself with a tag of its first owner.
    const decision = decide(record.owners[0] ?? '', { deviceId: record.id, proof: 'tag' })
    if (decision.outcome !== 'block') continue
    count += 1
    if (context.json) out(jsonLine(line(decision, record.owners)))
    else if (count <= TABLE_LIMIT) {
      const evidence = decision.evidenceAt === null ? null : (context.now() - decision.evidenceAt) / 1000
      rows.push([
        record.id,
        record.owners.join(' '),
        record.platform,
        {
          text: decision.enforced ? 'yes' : 'would be',
          style: outcomeStyle('block', decision.enforced),
        },
        decision.reason,
        decision.rule,
        age(evidence),
      ])
    }
  }
  if (context.json) return
  if (count === 0) return out('no device is blocked\n')
  out(table(['device', 'owners', 'platform', 'blocked', 'reason', 'rule', 'evidence'], rows))
  if (count > TABLE_LIMIT) out(`... and ${count - TABLE_LIMIT} more: --json lists all\n`)
}

const line = (decision: Decision, owners: readonly string[]): object => ({
  device: decision.deviceId,
  owners,
  platform: decision.platform,
  enforced: decision.enforced,
  reason: decision.reason,
  rule: decision.rule,
  evidence_at: decision.evidenceAt === null ? null : isoTime(decision.evidenceAt),
})
