import type { Platform } from '../policy/vocabulary'

/** What clients say of their system in IMAP ID (RFC 2971). Linux says least: it stands below others too. */
const SIGNS: readonly (readonly [RegExp, Platform])[] = [
  [/\b(iphone|ipad|ipados|ios)\b/, 'ios'],
  [/android|\bk-9 mail\b/, 'android'],
  [/\b(mac os x|macos|mac os|os x|darwin|for mac)\b/, 'macos'],
  [/\b(windows|winnt|win32)\b/, 'windows'],
  [/\bcros\b|chrome ?os/, 'chromeos'],
]

/**
 * The platform a client's ID names: by `os`, or where that says nothing by `name`. null when it names none, or
 * more than one: the hint narrows which of a person's devices count, so a doubt must not. Never a proof.
 */
export const platformHint = (id: ReadonlyMap<string, string>): Platform | null =>
  platformIn(id.get('os')) ?? platformIn(id.get('name'))

function platformIn(text = ''): Platform | null {
  const lower = text.toLowerCase()
  const found = SIGNS.flatMap(([sign, platform]) => (sign.test(lower) ? platform : []))
  if (found.length > 1) return null
  return found[0] ?? (/\blinux\b/.test(lower) ? 'linux' : null)
}
