/**
 * A mail address or login name as records, overrides and decisions compare it: trimmed, lower case, NFC.
 * The local part is folded too: RFC 5321 lets it differ in case, but no mailbox here is told apart by that.
 */
export const normaliseUser = (name: string): string =>
  // NFC again: a lower-case letter may join a mark that its capital has no joined form with (J with caron).
  name.trim().normalize('NFC').toLowerCase().normalize('NFC')
