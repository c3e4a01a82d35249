import type { GuardFigure } from '../policy/guard'
import type { Policy } from '../policy/policy'

const MAX_NAMED = 10

/** What a policy changes of the one before it, in one line for the history. */
export function policyChange(before: Policy | undefined, after: Policy, figure?: GuardFigure): string {
  const parts = before ? differences(before, after) : [`the first policy, mode ${after.mode}`]
  if (parts.length === 0) parts.push('the text alone')
  if (figure && figure.newlyBlocked > 0)
    parts.push(`newly blocks ${figure.newlyBlocked} of ${figure.devices} devices`)
  return parts.join('; ')
}

function differences(before: Policy, after: Policy): string[] {
  const { mandates, ...settings } = after
  const former = new Map(before.mandates.map((mandate) => [mandate.id, JSON.stringify(mandate)]))
  const added = mandates.filter(({ id }) => !former.has(id))
  const changed = mandates.filter((one) => former.has(one.id) && former.get(one.id) !== JSON.stringify(one))
  const kept = new Set(mandates.map(({ id }) => id))
  const removed = before.mandates.filter(({ id }) => !kept.has(id))
  const named = (word: string, list: readonly { readonly id: string }[]): string[] =>
    list.length === 0
      ? []
      : [
          `mandates ${word}: ${list
            .slice(0, MAX_NAMED)
            .map(({ id }) => id)
            .join(', ')}${more(list.length)}`,
        ]
  return [
    ...Object.entries(settings).flatMap(([name, value]) => {
      const was = before[name as keyof typeof settings]
      if (JSON.stringify(was) === JSON.stringify(value)) return []
      const plain = typeof value === 'string' && typeof was === 'string'
      return [plain ? `${name} ${was || 'empty'} to ${value || 'empty'}` : `${name} changed`]
    }),
    ...named('added', added),
    ...named('changed', changed),
    ...named('removed', removed),
  ]
}

const more = (count: number): string => (count > MAX_NAMED ? ` and ${count - MAX_NAMED} more` : '')
