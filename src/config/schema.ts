import fs from 'node:fs'
import path from 'node:path'

import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'

import { closest } from './closest'
import { firstProblems, type ConfigProblem, type KeyPath, type Reading } from './config-problem'
import { readYaml, type YamlFile } from './yaml-file'

/**
 * A schema of the package's config/ directory; defaults are filled into what it validates. It is compiled when it is
 * first asked for: that costs more than most commands do, and few read every file.
 */
export function publishedSchema(name: string): () => ValidateFunction {
  let compiled: ValidateFunction | undefined
  return () => (compiled ??= compile(path.join(__dirname, '..', '..', 'config', name)))
}

/** Tests hold our schemas to the meta-schema: at each start of a command that would cost as much as the schema. */
const compile = (file: string): ValidateFunction =>
  new Ajv({
    allErrors: true,
    useDefaults: true,
    allowUnionTypes: true,
    verbose: true,
    validateSchema: false,
    meta: false,
  }).compile(JSON.parse(fs.readFileSync(file, 'utf8')) as object)

/** Parses a YAML file and holds it to its schema; what it leaves out has the schema's default. */
export function readValidYaml(
  text: string,
  file: string,
  validate: ValidateFunction,
): Reading<{ yaml: YamlFile; value: unknown }> {
  const reading = readYaml(text, file)
  if (!reading.ok) return reading
  const { yaml } = reading
  let value: unknown = yaml.value() ?? {}
  if (validate(value)) return { ok: true, yaml, value }
  const numbers = (validate.errors ?? []).filter(wantsText).map((error) => keysOf(error.instancePath, value))
  if (numbers.filter((keys) => yaml.readAsText(keys)).length > 0) {
    value = yaml.value()
    if (validate(value)) return { ok: true, yaml, value }
  }
  // That a name is not valid is told by what is wrong with it.
  const errors = (validate.errors ?? []).filter(({ keyword }) => keyword !== 'propertyNames')
  const problems = firstProblems(errors, file, (error) => schemaProblem(yaml, value, error))
  return { ok: false, problems }
}

const wantsText = ({ keyword, schema }: ErrorObject): boolean =>
  keyword === 'type' && [schema].flat().includes('string')

function schemaProblem(yaml: YamlFile, value: unknown, error: ErrorObject): ConfigProblem {
  const place = keysOf(error.instancePath, value)
  const keys = error.propertyName === undefined ? place : [...place, error.propertyName]
  const found = shown(error)
  switch (error.keyword) {
    case 'additionalProperties': {
      const { additionalProperty } = error.params as { additionalProperty: string }
      const known = Object.keys((error.parentSchema as { properties: object }).properties)
      const near = closest(additionalProperty, known)
      const hint = near === undefined ? `known here: ${known.join(', ')}` : `did you mean "${near}"?`
      return yaml.problemAt([...keys, additionalProperty], `unknown key; ${hint}`)
    }
    case 'type':
      return yaml.problemAt(
        keys,
        error.data === null
          ? 'has no value; give it one, or take the key out'
          : `must be ${typeNames(error.schema)} (found ${found})`,
      )
    case 'enum':
      return yaml.problemAt(keys, `must be one of ${(error.schema as unknown[]).join(', ')} (found ${found})`)
    case 'pattern': {
      // The title of a text says its form; the description is for the manual.
      const { title } = error.parentSchema as { title?: string }
      return yaml.problemAt(
        keys,
        `must be ${title ?? `of the form ${String(error.schema)}`} (found ${found})`,
      )
    }
    case 'required':
      return yaml.problemAt(
        keys,
        `the key "${(error.params as { missingProperty: string }).missingProperty}" is missing`,
      )
    default:
      return yaml.problemAt(keys, `${error.message ?? 'is not valid'} (found ${found})`)
  }
}

const MAX_SHOWN = 80

function shown({ data, parentSchema }: ErrorObject): string {
  if ((parentSchema as { writeOnly?: boolean } | undefined)?.writeOnly) return 'what is not shown here'
  const text = typeof data === 'number' ? String(data) : JSON.stringify(data)
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}...`
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  object: 'a mapping',
  array: 'a list',
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
}

const typeNames = (schema: unknown): string =>
  [schema]
    .flat()
    .map((name) => TYPE_NAMES[String(name)] ?? String(name))
    .join(' or ')

/** A JSON pointer as keys, numbers where the value is a list. */
function keysOf(pointer: string, root: unknown): KeyPath {
  const keys: (string | number)[] = []
  let value = root
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replace(/~1/g, '/').replace(/~0/g, '~')
    const key = Array.isArray(value) ? Number(name) : name
    keys.push(key)
    value = (value as Record<string | number, unknown> | undefined)?.[key]
  }
  return keys
}
