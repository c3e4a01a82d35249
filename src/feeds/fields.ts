export type Fields = Readonly<Record<string, unknown>>

/** The fields of an object in JSON; undefined: it is none. */
export const fieldsOf = (value: unknown): Fields | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined

/** A text that says something. */
export const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined

const ADDRESS = /^[^\s@]+@[^\s@]+$/

/** Those that are mail addresses. */
export const addressesIn = (values: readonly unknown[]): string[] =>
  textsIn(values).filter((text) => ADDRESS.test(text))

export const textsIn = (values: readonly unknown[]): string[] =>
  values.map(textOf).filter((text) => text !== undefined)

/** An id that a source numbers its objects by, also where it is written as a number. */
export function numberedId(value: unknown): string | undefined {
  const text = typeof value === 'number' ? String(value) : value
  return typeof text === 'string' && /^[1-9]\d{0,14}$/.test(text) ? text : undefined
}
