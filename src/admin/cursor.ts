import { createHash } from 'node:crypto'

import { malformed } from './problem'

/** A place in a list, opaque; `query` is all that decides which items there are. */
export const cursorOf = (list: string, query: object, place: string | number): string =>
  Buffer.from(JSON.stringify([String(place), seal(list, query, String(place))])).toString('base64url')

/** The place of a cursor. Throws Problem 400 for one that is of another query, or none. */
export function placeOf(list: string, query: object, cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined
  const [place, sealed] = parts(cursor)
  if (typeof place !== 'string' || sealed !== seal(list, query, place))
    throw malformed('cursor', 'the cursor is of another query: begin again without one')
  return place
}

const seal = (list: string, query: object, place: string): string => {
  const sorted = Object.entries(query).filter(([, value]) => value !== undefined)
  sorted.sort(([a], [b]) => (a < b ? -1 : 1))
  return createHash('sha256')
    .update(JSON.stringify([list, sorted, place]))
    .digest('base64url')
    .slice(0, 12)
}

function parts(cursor: string): unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    return Array.isArray(value) ? value : []
  } catch {
    return []
  }
}
