import type { Platform } from '../policy/vocabulary'

/** What clients say of their system in IMAP ID (RFC 2971), most telling first. */
const SIGNS: readonly (readonly [RegExp, Platform])[] = [
  [/\b(iphone|ipad|ipados|ios)\b/, 'ios'],
  [/android/, 'android'],
  [/\b(mac os x|macos|mac os|os x|darwin)\b/, 'macos'],
  [/\b(windows|winnt|win32)\b/, 'windows'],
  [/\bcros\b|chrome ?os/, 'chromeos'],
  [/linux/, 'linux'],
]

/** The platform a client's ID names, or null when it names none. A hint: never a proof. */
export function platformHint(id: ReadonlyMap<string, string>): Platform | null {
  const text = [id.get('os'), id.get('name'), id.get('vendor')]
    .filter((part) => part !== undefined)
    .join(' ')
    .toLowerCase()
  return SIGNS.find(([sign]) => sign.test(text))?.[1] ?? null
}
