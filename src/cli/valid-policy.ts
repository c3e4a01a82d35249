import { formatProblem } from '../config/config-problem'
import { readTextFile } from '../config/file-watcher'
import { parsePolicy } from '../config/policy-file'
import type { Draft } from '../orders/order-desk'
import type { CommandContext } from './context'
import { jsonLine, Refusal } from './output'

/** The policy in a file, whose own tests pass. */
export function validPolicy(context: CommandContext, file: string): Draft {
  const content = readTextFile(file)
  if (!content.ok) throw new Refusal(`${file} ${content.problem}`)
  return validDraft(context, content.text, file)
}

/** The same of a text; `file` is what it is called. */
export function validDraft(context: CommandContext, text: string, file: string): Draft {
  const parsed = parsePolicy(text, { file })
  if (parsed.ok) return { policy: parsed.policy, text }
  if (context.json) context.streams.out(jsonLine({ ok: false, file, problems: parsed.problems }))
  throw new Refusal(`${file} is not valid\n${parsed.problems.map(formatProblem).join('\n')}`)
}
