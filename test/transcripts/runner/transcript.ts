/** A transcript, parsed: what is set up, then what happens in order. It knows nothing of any protocol. */
export interface Transcript {
  readonly title: string
  /** `with NAME VALUE`: what the dialogue needs; its test knows the names. */
  readonly settings: readonly Setting[]
  readonly steps: readonly Step[]
}

export interface Setting {
  readonly name: string
  readonly value: string
}

/** `channel` names a connection: `C`, `C2`, ... were made to the server under test, `U`, `U2`, ... by it. */
export type Step =
  | { readonly kind: 'send'; readonly channel: string; readonly octets: Buffer; readonly line: number }
  | {
      readonly kind: 'expect'
      readonly channel: string
      readonly template: string
      /** false: just these octets, no line end behind them. */
      readonly wholeLine: boolean
      readonly line: number
    }
  /** Our side of the connection does something that is no octet (`close`, `TLS`). */
  | { readonly kind: 'act'; readonly channel: string; readonly action: string; readonly line: number }
  /** The side under test must do it. */
  | { readonly kind: 'await'; readonly channel: string; readonly action: string; readonly line: number }
  /** Something happens in the world: the clock moves on, a policy changes. */
  | { readonly kind: 'event'; readonly text: string; readonly line: number }

const SETTING = /^with (\S+) ?(.*)$/
/** Who speaks: `C1:` `S1:` `U1>` `U1<`; `-` instead of or behind that: octets; `!`: something that is no octet. */
const STEP =
  /^(?:(?<client>[CS])(?<c>\d*)(?::|(?<how>[-!]))|U(?<u>\d*)(?<upstream>[<>])(?<upstreamHow>[-!]?))(?: (?<text>.*))?$/
const EVENT = /^! (.+)$/

/** Reads a transcript file; an error names the line. */
export function parseTranscript(text: string, file: string): Transcript {
  const settings: Setting[] = []
  const steps: Step[] = []
  let title = ''
  for (const [index, source] of text.split('\n').entries()) {
    const line = index + 1
    if (source === '') continue
    if (source.startsWith('#')) {
      if (title === '') title = source.slice(1).trim()
      continue
    }
    const [, name, value = ''] = SETTING.exec(source) ?? []
    if (name !== undefined) {
      if (steps.length > 0) throw new Error(`${file}:${line}: "with" must come before the dialogue`)
      settings.push({ name, value })
      continue
    }
    const step = parseStep(source, line)
    if (!step) throw new Error(`${file}:${line}: not a line of a transcript: ${source}`)
    steps.push(step)
  }
  if (title === '') throw new Error(`${file}: begin with a comment that says what is shown`)
  return { title, settings, steps }
}

function parseStep(source: string, line: number): Step | undefined {
  const event = EVENT.exec(source)?.[1]
  if (event !== undefined) return { kind: 'event', text: event, line }
  const parts = STEP.exec(source)?.groups
  if (!parts) return undefined
  const { client, c = '', u = '', upstream, text = '' } = parts
  const how = parts['how'] ?? parts['upstreamHow'] ?? ''
  const channel = client === undefined ? `U${u}` : `C${c}`
  const ours = client === 'C' || upstream === '>'
  if (how === '!') return { kind: ours ? 'act' : 'await', channel, action: text, line }
  if (!ours) return { kind: 'expect', channel, template: text, wholeLine: how === '', line }
  return { kind: 'send', channel, octets: octetsOf(how === '' ? `${text}\r\n` : text), line }
}

/** Octets as latin1, one character each; `\xNN` is one octet. */
const latin1Of = (text: string): string =>
  Buffer.from(text)
    .toString('latin1')
    .replace(/\\x([0-9A-Fa-f]{2})/g, (_all, hex: string) => String.fromCharCode(parseInt(hex, 16)))

/** It ends at the last of the braces, so that JSON may stand in it. */
export const PLACEHOLDER = /\{\{(.*?)\}\}(?!\})/gs

const octetsOf = (text: string): Buffer =>
  Buffer.from(
    latin1Of(text).replace(PLACEHOLDER, (all, inner: string) => writtenOut(inner) ?? all),
    'latin1',
  )

/** `base64 TEXT` and `TEXT * N`, the placeholders that stand for one text only; latin1 to latin1. */
function writtenOut(inner: string): string | undefined {
  const [, encoded] = /^base64 (.*)$/s.exec(inner) ?? []
  if (encoded !== undefined) return Buffer.from(encoded, 'latin1').toString('base64')
  const [, repeated = '', times] = /^(.+) \* (\d+)$/s.exec(inner) ?? []
  return times === undefined ? undefined : repeated.repeat(Number(times))
}

export interface Expectation {
  /** Over latin1 text; its groups are the names that were met for the first time. */
  readonly pattern: RegExp
  /** How many octets it stands for, where that is certain. */
  readonly octets: number
}

/**
 * What is expected: `{{/regex/}}` stands for what the regex matches, `{{name}}` for what `patterns` says of the
 * name, and from then on (`known`) for just that text.
 */
export function expectation(
  template: string,
  patterns: Readonly<Record<string, string>>,
  known: ReadonlyMap<string, string>,
): Expectation {
  const text = latin1Of(template)
  let source = ''
  let octets = 0
  let at = 0
  const literally = (part: string): void => {
    source += part.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
    octets += part.length
  }
  for (const match of text.matchAll(PLACEHOLDER)) {
    literally(text.slice(at, match.index))
    at = match.index + match[0].length
    const inner = match[1] ?? ''
    const regex = /^\/(.*)\/$/s.exec(inner)?.[1]
    const one = writtenOut(inner) ?? known.get(inner)
    if (one !== undefined) literally(one)
    else if (regex !== undefined) source += `(?:${regex})`
    else if (patterns[inner] === undefined) throw new Error(`{{${inner}}} is no placeholder here`)
    else source += `(?<${inner}>${patterns[inner]})`
  }
  literally(text.slice(at))
  return { pattern: new RegExp(`^${source}$`, 's'), octets }
}
