import { parseDeviceRecord, type RecordReading } from './record'

const MAX_MESSAGE = 160

/** Reads one NDJSON row. `cutOff`: the file ended within the row, which a bad one is told of. */
export function parseJsonRow(text: string, cutOff: boolean): RecordReading {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    const where = cutOff ? 'not JSON (the file ends within this line)' : 'not JSON'
    return { ok: false, problem: `${where}: ${(error as Error).message.slice(0, MAX_MESSAGE)}` }
  }
  const unsafe = unsafeNumber(text)
  return unsafe === undefined ? parseDeviceRecord(value) : { ok: false, problem: unsafe }
}

/** A double tells all integers of up to 15 digits apart: shorter ones need no closer look. */
const LONG_NUMBER = /\d{16}/
const STRING_OR_NUMBER = /"((?:[^"\\]|\\.)*)"(\s*:)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g

/**
 * Looks for a number that JSON.parse would silently turn into another one (beyond 2^53-1, RFC 8259
 * section 6): once it is parsed, the lost digits cannot be seen any more. `text` must be JSON.
 */
function unsafeNumber(text: string): string | undefined {
  if (!LONG_NUMBER.test(text)) return undefined
  let key = ''
  for (const [token, string, colon] of text.matchAll(STRING_OR_NUMBER)) {
    if (string !== undefined) {
      if (colon !== undefined) key = string
      continue
    }
    if (token.replace(/\D/g, '').length < 16 || token === String(Number(token))) continue
    const shown = token.length > 32 ? `${token.slice(0, 32)}...` : token
    return `${key === '' ? 'a value' : key.slice(0, 64)}: ${shown} has more digits than a number keeps (up to 2^53-1); an id is written as a text, in quotes`
  }
  return undefined
}
