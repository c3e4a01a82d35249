import fs from 'node:fs'
import path from 'node:path'

import { START_KEYS } from '../src/config/start-keys'

interface Schema {
  readonly $ref?: string
  readonly title?: string
  readonly description?: string
  readonly type?: string | readonly string[]
  readonly enum?: readonly string[]
  readonly default?: unknown
  readonly minimum?: number
  readonly exclusiveMinimum?: number
  readonly maximum?: number
  readonly maxLength?: number
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly definitions?: Readonly<Record<string, Schema>>
}

const readSchema = (name: string): Schema =>
  JSON.parse(fs.readFileSync(path.join(__dirname, '../config', name), 'utf8')) as Schema

/** docs/configuration.md: the keys are made from the schemas, so that there is one place to change them. */
export function renderConfigurationDoc(): string {
  const host = readSchema('device_gate.schema.json')
  const policy = readSchema('device_gate_policy.schema.json')
  return `# Configuration

<!-- Written by \`npm run docs:configuration\` from config/*.schema.json and this script: change it there. -->

Two YAML files in Haraka's config directory: \`device_gate.yaml\` for this host, \`device_gate_policy.yaml\` for the rules.
A missing \`device_gate.yaml\` means the defaults; the policy needs at least its \`mode\`. The samples in
[config/](../config/) have every key with its default. Their JSON Schemas lie beside them, and editors with a YAML language
server check the files as you type. \`device-gate policy check FILE\` checks a draft of a policy.

## How an edit takes effect

- An edit of either file is in force in every worker within a second, without a restart. Keys that say *restart* below wait
  for Haraka's next start, the rest of the same edit does not; \`device-gate status\` and the log name the keys that wait.
- A file that does not validate changes nothing: the last good one stays in force, also in a worker that is started
  meanwhile. \`device-gate status\` and the log say file, line, column and key, until it is mended. So it is with a file that is
  empty or gone, and with one that names a key or a certificate that cannot be used.
- A policy takes effect only when its own \`tests\` hold.
- Haraka does not start with a bad \`device_gate.yaml\`. With a bad policy file it starts with the last good policy, if there
  ever was one.
- It does not matter how the file is changed: in place, by a new file renamed over it, or by a symbolic link that is made to
  point elsewhere, as a Kubernetes ConfigMap does.
- Certificates and tag keys are read anew when their files change. A certificate and its key may be renewed one after
  the other: the pair is taken once they fit.
- While \`device_gate.yaml\` is broken the command line goes by the config in force. It finds it in the \`state_dir\` that the
  broken file still names, or else in \`./var\`.

## What YAML makes of it

YAML 1.2 with its core schema: \`off\`, \`yes\` and dates are text, not booleans and moments. Where text is meant, \`007\` and
\`12345678901234567890\` are the text that was written. Times need a zone (\`2026-07-10T23:59:00-07:00\`), since without one they
mean two moments. Unknown keys are refused, with the key that was probably meant. A file has at most 1 MiB and is UTF-8.

## device_gate.yaml

${host.description ?? ''} Paths are relative to Haraka's config directory, \`state_dir\` to Haraka's directory.

${groups(host, restart)}
### The tag key file

\`device-gate tag rotate\` makes it, with mode 0600. A file that all users of the host may read or write is refused: whoever
reads it can make tags for anybody. Reading by a group is allowed, since orchestrators mount secrets so. A damaged line is told
by its number and changes nothing while the gate runs; a process that starts meanwhile goes by the good lines. A file that
is gone or empty changes nothing either: to void every tag, leave only its comment lines.

## device_gate_policy.yaml

${policy.description ?? ''} Every key is live within a second.

${groups(policy, () => '')}`
}

type Effect = (key: string) => string

const restart: Effect = (key) =>
  START_KEYS.some((start) => key === start.join('.') || key.startsWith(`${start.join('.')}.`))
    ? 'restart'
    : 'at once'

/** One table for the keys that stand alone, then one for each mapping and list. */
function groups(schema: Schema, effect: Effect): string {
  const top = Object.entries(schema.properties ?? {})
  const alone = top.filter(([, value]) => isLeaf(value))
  const grouped = top.filter(([, value]) => !isLeaf(value))
  return [
    table(alone.map(([key, value]) => row(schema, key, value, schema.required ?? [], effect))),
    ...grouped.map(
      ([key, value]) =>
        `### ${key}\n\n${value.description ?? ''}\n\n${table(leaves(schema, key, value, effect))}`,
    ),
  ].join('\n')
}

const isLeaf = ({ properties, items }: Schema): boolean => !properties && !items?.properties

function leaves(root: Schema, key: string, schema: Schema, effect: Effect): string[][] {
  const prefix = schema.items?.properties ? `${key}[]` : key
  const mapping = schema.items?.properties ? schema.items : schema
  return Object.entries(mapping.properties ?? {}).flatMap(([name, value]) => {
    const full = `${prefix}.${name}`
    if (isLeaf(value)) return [row(root, full, value, mapping.required ?? [], effect)]
    const itself = value.items ? [row(root, full, value, mapping.required ?? [], effect)] : []
    return [...itself, ...leaves(root, full, value, effect)]
  })
}

function row(
  root: Schema,
  key: string,
  schema: Schema,
  required: readonly string[],
  effect: Effect,
): string[] {
  const unread = schema.description?.includes('Nothing reads it') ?? false
  const byDefault = schema.default === undefined ? '' : code(JSON.stringify(schema.default))
  const name = key.slice(key.lastIndexOf('.') + 1)
  return [
    code(key),
    values(resolve(root, schema), root),
    required.includes(name) ? 'required' : byDefault,
    unread ? '-' : effect(key),
    schema.description ?? '',
  ]
}

const resolve = (root: Schema, schema: Schema): Schema =>
  schema.$ref === undefined
    ? schema
    : (root.definitions?.[schema.$ref.replace('#/definitions/', '')] ?? schema)

function values(schema: Schema, root: Schema): string {
  if (schema.enum) return schema.enum.map(code).join(', ')
  if (schema.type === 'array') {
    const { title } = schema
    return `list of ${title ?? values(resolve(root, schema.items ?? {}), root)}`
  }
  if (schema.title !== undefined) return schema.title
  if (schema.type === 'boolean') return '`true`, `false`'
  if (schema.type === 'integer') return `whole number, ${range(schema)}`
  if (schema.type === 'number') return `number, ${range(schema)}`
  return schema.maxLength === undefined ? 'text' : `text of at most ${schema.maxLength} characters`
}

const range = ({ minimum = 0, exclusiveMinimum, maximum = 0 }: Schema): string =>
  exclusiveMinimum === undefined ? `${minimum} to ${maximum}` : `more than ${exclusiveMinimum} to ${maximum}`

function table(rows: readonly (readonly string[])[]): string {
  const hasEffect = rows.some(([, , , when]) => when !== '')
  const head = ['Key', 'Values', 'Default', ...(hasEffect ? ['Takes effect'] : []), 'What it does']
  const cells = rows.map((row) => (hasEffect ? row : row.filter((_, i) => i !== 3)))
  return [head, head.map(() => '---'), ...cells]
    .map((line) => `| ${line.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`)
    .join('')
}

const code = (text: string): string => `\`${text}\``

if (require.main === module) {
  fs.writeFileSync(path.join(__dirname, '../docs/configuration.md'), renderConfigurationDoc())
}
