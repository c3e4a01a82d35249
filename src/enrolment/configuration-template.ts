/** What a placeholder stands for; without a value, the option of the command line that would give one. */
export type Placeholder = { readonly value: string } | { readonly missing: string }

export class TemplateError extends Error {
  override readonly name = 'TemplateError'
  readonly code = 'ERR_CONFIGURATION_TEMPLATE'
}

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }
type KeyPath = readonly (string | number)[]

/** Deeper than any app's settings, and far from the end of the stack. */
const MAX_DEPTH = 50

/** The name that the device logs in with: what a configuration without it would be made in vain for. */
const LOGIN = 'login'

/**
 * A JSON object with the placeholders in its texts (`${user}`) filled in; keys, numbers and all else stay as they are,
 * and what stands for a placeholder is not looked at again. Throws TemplateError, which says where.
 */
export function fillTemplate(template: string, placeholders: Readonly<Record<string, Placeholder>>): string {
  const root = parsed(template)
  const used = new Set<string>()

  const fill = (value: Json, path: KeyPath): Json => {
    if (path.length > MAX_DEPTH) throw new TemplateError(`is nested deeper than ${MAX_DEPTH} levels`)
    if (typeof value === 'string') return fillText(value, path)
    if (value === null || typeof value !== 'object') return value
    if (isList(value)) return value.map((one, i) => fill(one, [...path, i]))
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fill(one, [...path, key])]))
  }
  const fillText = (text: string, path: KeyPath): string =>
    text.replace(/\$\{([^}]*)(\}?)/g, (_, name: string, end: string) => {
      const problem = (words: string): TemplateError => new TemplateError(`${placeOf(path)}: ${words}`)
      if (end === '') throw problem('a placeholder has no end: ${ without }')
      const placeholder = Object.hasOwn(placeholders, name) ? placeholders[name] : undefined
      if (!placeholder) throw problem(`\${${name}} stands for nothing; known: ${known(placeholders)}`)
      if ('missing' in placeholder) throw problem(`\${${name}} needs ${placeholder.missing}`)
      used.add(name)
      return placeholder.value
    })

  const filled = fill(root, [])
  if (!used.has(LOGIN))
    throw new TemplateError(`has no \${${LOGIN}}: the device would log in without its tag`)
  return `${JSON.stringify(filled, null, 2)}\n`
}

function parsed(template: string): Json {
  let root: Json
  try {
    root = JSON.parse(template) as Json
  } catch (error) {
    throw new TemplateError(`is no JSON: ${(error as Error).message}`)
  }
  if (root === null || typeof root !== 'object' || isList(root))
    throw new TemplateError('must be a JSON object')
  return root
}

const isList = (value: Json): value is readonly Json[] => Array.isArray(value)

const known = (placeholders: Readonly<Record<string, Placeholder>>): string =>
  Object.keys(placeholders)
    .map((name) => `\${${name}}`)
    .join(', ')

/** As in JavaScript, which whoever writes JSON can read: `accounts[0]["user.name"]`. */
const placeOf = (path: KeyPath): string =>
  path
    .map((key, i) => {
      if (typeof key === 'number') return `[${key}]`
      if (!/^[A-Za-z_$][\w$]*$/.test(key)) return `[${JSON.stringify(key)}]`
      return i === 0 ? key : `.${key}`
    })
    .join('')
