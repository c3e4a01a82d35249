import { isDeviceId, isUserName, normaliseUser } from '../devices/record'
import { momentOf } from '../policy/moment'
import { malformed } from './problem'
import type { Schema } from './schemas'

/** What calls take as parameters and parts of a body. */

const MAX_NAME = 320

// Control characters, and marks that reorder text.
const UNPRINTABLE = '\\u0000-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ufeff'

export const nameParam = (description: string): Schema => ({
  type: 'string',
  minLength: 1,
  maxLength: MAX_NAME,
  description,
})

export const momentParam = (description: string): Schema => ({
  type: 'string',
  maxLength: 40,
  description: `${description} RFC 3339 with a zone.`,
})

export const limitParam = (most: number, usual: number): Schema => ({
  type: 'integer',
  minimum: 1,
  maximum: most,
  default: usual,
  description: 'Items of one page.',
})

export const cursorParam: Schema = {
  type: 'string',
  minLength: 1,
  maxLength: 2000,
  description: '`next` of the page before; with the same other parameters.',
}

/** Kept in the history with each change. */
export const reasonPart: Schema = {
  type: 'string',
  minLength: 1,
  maxLength: 500,
  pattern: `^(?=.*\\S)[^${UNPRINTABLE}]*$`,
  title: 'a reason of one line',
  description: 'Why; kept in the history.',
}

export const confirmPart: Schema = {
  type: 'integer',
  minimum: 0,
  description:
    'How many devices it newly blocks, where that is more than max_new_blocks: as the refusal said.',
}

export const policyPart: Schema = {
  type: 'string',
  minLength: 1,
  description: 'A policy as device_gate_policy.yaml has it.',
}

/** A moment that was asked for, as epoch milliseconds. Throws Problem 400. */
export function momentAsked(field: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const ms = momentOf(text)
  if (ms === undefined)
    throw malformed(
      field,
      'it must be a time with a zone, such as 2026-07-10T23:59:00Z (in an address + is written %2B)',
    )
  return ms
}

export function userAsked(field: string, text: string): string {
  const user = normaliseUser(text)
  if (!isUserName(user)) throw malformed(field, `it must be a user name of 1 to ${MAX_NAME} characters`)
  return user
}

export function deviceAsked(field: string, text: string): string {
  if (!isDeviceId(text)) throw malformed(field, 'it must be a device id of 1 to 256 characters')
  return text
}
