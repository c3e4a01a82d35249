import { feedDefinition, sourceOf, type FeedDefinition } from '../feeds/definition'
import { Intake } from '../feeds/intake'
import type { CommandContext } from './context'

/** What a command writes by: the feed's own breaker counts for it too. */
export function intakeOf(context: CommandContext, definition: FeedDefinition): Intake {
  const source = sourceOf(definition)
  const store = context.store()
  const onTripped = (why: string): void => context.tell(`feed ${source} is held: ${why}`)
  const parts = { store, database: context.feedsDatabase(), source, now: context.now, onTripped }
  return new Intake(parts, (feedDefinition(store, source) ?? definition).breaker)
}
