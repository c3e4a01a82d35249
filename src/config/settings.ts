import { Ajv } from 'ajv'

export type SettingsReading =
  | { readonly ok: true; readonly value: Record<string, unknown> }
  | { readonly ok: false; readonly problems: readonly string[] }

const MAX_PROBLEMS = 10
const PLAIN_URL = 'plain-url'

/** The schema of a URL. Settings are stored and shown: what a password is belongs into a secret, not into a URL. */
export const urlSetting = (title: string, pattern = '^https?://'): object => ({
  type: 'string',
  pattern,
  format: PLAIN_URL,
  title,
})

function isPlainUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { username, password } = new URL(text)
  return username === '' && password === ''
}

/**
 * Holds settings that were given as texts, one a key, to a schema of theirs: numbers, booleans and lists (`a,b`) are
 * made of the texts, defaults are filled in.
 */
export function readSettings(schema: object, given: Readonly<Record<string, unknown>>): SettingsReading {
  const ajv = new Ajv({ allErrors: true, useDefaults: true, coerceTypes: true, allowUnionTypes: true })
  ajv.addFormat(PLAIN_URL, isPlainUrl)
  const { properties = {} } = schema as { properties?: Record<string, { type?: unknown }> }
  const value: Record<string, unknown> = { ...given }
  for (const [key, text] of Object.entries(given))
    if (properties[key]?.type === 'array' && typeof text === 'string')
      value[key] = text.split(',').map((item) => item.trim())
  const validate = ajv.compile(schema)
  if (validate(value)) return { ok: true, value }
  const problems = (validate.errors ?? []).slice(0, MAX_PROBLEMS).map((error) => {
    const key = error.instancePath.slice(1).replaceAll('/', '.')
    const list = properties[key.replace(/\.\d+$/, '')] as { items?: { title?: string } } | undefined
    const named = (properties[key] ?? list?.items) as { title?: string } | undefined
    if (error.keyword === 'additionalProperties')
      return `${String(error.params['additionalProperty'])}: unknown; known: ${Object.keys(properties).join(', ')}`
    if (error.keyword === 'required') return `${String(error.params['missingProperty'])}: is missing`
    if (error.keyword === 'enum')
      return `${key}: must be one of ${(error.params['allowedValues'] as unknown[]).join(', ')}`
    if (error.keyword === 'pattern' && named?.title !== undefined) return `${key}: must be ${named.title}`
    if (error.keyword === 'format') return `${key}: must be a URL that has no user and no password in it`
    return `${key}: ${error.message ?? 'is not valid'}`
  })
  return { ok: false, problems }
}
