import { readSettings } from '../config/settings'
import { DEFAULT_BREAKER } from '../feeds/breaker'
import { FEED_NAME, type FeedDefinition, type GoneRule } from '../feeds/definition'
import { FeedDesk } from '../feeds/feed-desk'
import type { FeedKind } from '../feeds/kind'
import { feedKind } from '../feeds/kinds'
import { isSecretReference } from '../feeds/secrets'
import { answer, note, type CommandContext } from './context'
import { durationMs } from './moment'
import { authorship, type ReasonOptions } from './orders'
import { printable, UsageError, isoTime } from './output'

export interface AddOptions extends ReasonOptions {
  readonly kind: string
  readonly set?: readonly string[]
  readonly secret?: readonly string[]
  readonly every?: string
  readonly of?: string
  readonly gone: GoneRule
  readonly percent?: string
  readonly count?: string
  readonly window?: string
}

const MIN_EVERY_MS = 60_000

export async function addFeed(context: CommandContext, name: string, options: AddOptions): Promise<void> {
  const by = authorship(context, options)
  const kind = feedKind(options.kind)
  if (!kind) throw new UsageError(`there are no feeds of kind ${printable(options.kind)}`)
  if (!FEED_NAME.test(name))
    throw new UsageError('a feed is named by 1 to 32 of a-z, 0-9 and -, not beginning with -')
  const definition: FeedDefinition = {
    name,
    kind: kind.kind,
    settings: settingsOf(kind, pairs('--set', options.set)),
    secrets: secretsOf(kind, pairs('--secret', options.secret)),
    everyS: everySOf(kind, options.every),
    breaker: {
      percent: number('--percent', options.percent, DEFAULT_BREAKER.percent, 100),
      count: number('--count', options.count, DEFAULT_BREAKER.count, 1_000_000),
      windowS: Math.round(durationMs('--window', options.window ?? '1h') / 1000),
    },
    gone: options.gone,
    of: options.of ?? null,
    author: by.author,
    created: by.at,
  }
  await new FeedDesk(context.store()).add(definition, by)
  if (kind.sweep === undefined && definition.of === null)
    note(context, 'events can be lost: add a feed with a sweep, and this one with --of its name')
  answer(context, definitionJson(definition), `feed ${name} added; try it: device-gate feed test ${name}\n`)
}

/** Of a secret it has the place. */
const definitionJson = ({ everyS, breaker, created, ...rest }: FeedDefinition): object => ({
  ...rest,
  every_s: everyS,
  breaker: { percent: breaker.percent, count: breaker.count, window_s: breaker.windowS },
  created_at: isoTime(created),
})

function pairs(option: string, given: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(
    given.map((text) => {
      const at = text.indexOf('=')
      // What stands behind it may be a secret that was given by mistake.
      if (at < 1) throw new UsageError(`${option} takes NAME=VALUE`)
      return [text.slice(0, at), text.slice(at + 1)]
    }),
  )
}

function settingsOf(kind: FeedKind, given: Readonly<Record<string, string>>): Record<string, unknown> {
  const reading = readSettings(kind.settingsSchema, given)
  const problems = reading.ok ? (kind.check?.(reading.value) ?? []) : reading.problems
  if (!reading.ok || problems.length > 0)
    throw new UsageError(`--set of kind ${kind.kind}: ${printable(problems.join('; '))}`)
  return reading.value
}

function secretsOf(kind: FeedKind, given: Readonly<Record<string, string>>): Record<string, string> {
  const names = kind.secrets.map((name) => name.replace('?', ''))
  for (const [name, reference] of Object.entries(given)) {
    if (!names.includes(name))
      throw new UsageError(
        `--secret ${printable(name)}: kind ${kind.kind} has ${names.length === 0 ? 'none' : names.join(', ')}`,
      )
    if (!isSecretReference(reference))
      throw new UsageError(`--secret ${name}: say where it is: ${name}=file:/path or ${name}=env:VARIABLE`)
  }
  const missing = kind.secrets.filter((name) => !name.endsWith('?') && given[name] === undefined)
  if (missing.length > 0) throw new UsageError(`--secret ${missing.join(', --secret ')}: is missing`)
  return { ...given }
}

function everySOf(kind: FeedKind, text: string | undefined): number {
  if (!kind.sweep) {
    if (text !== undefined) throw new UsageError(`--every: kind ${kind.kind} has no sweep`)
    return 0
  }
  if (text === undefined) return kind.everyS
  const ms = durationMs('--every', text)
  if (ms < MIN_EVERY_MS) throw new UsageError('--every is 1m at least')
  return Math.round(ms / 1000)
}

function number(option: string, text: string | undefined, otherwise: number, max: number): number {
  if (text === undefined) return otherwise
  const value = Number(text)
  if (!/^\d{1,7}$/.test(text) || value > max)
    throw new UsageError(`${option} takes a number from 0 to ${max}`)
  return value
}
