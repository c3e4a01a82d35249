const MAX_CHARS = 256
// eslint-disable-next-line no-control-regex -- an id with control characters is no id
const UNUSABLE = /[\0-\x1f\x7f-\x9f\u2028\u2029\p{Surrogate}]/u

/** The device id that a proof names, or null where what stands in its place can be none. */
export const deviceIdOf = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' && value.length <= MAX_CHARS && !UNUSABLE.test(value)
    ? value
    : null
