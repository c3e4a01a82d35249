import { NO_POLICY } from '../lookup/site'
import { standing as standingOf, type Standing } from '../lookup/standing'
import { note, type CommandContext } from './context'
import { Refusal } from './output'

/** Decides as a worker of this host would, under the policy of this moment. */
export function standing(context: CommandContext): Standing {
  const decide = standingOf(context.store(), context.config(), context.now(), (text) => note(context, text))
  if (!decide) throw new Refusal(NO_POLICY)
  return decide
}
