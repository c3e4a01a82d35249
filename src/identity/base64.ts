/**
 * Base64 (RFC 4648 4) from Buffer to Buffer: what passes through here is secret, and unlike a string a Buffer
 * can be overwritten. `allocUnsafe`, since V8 keeps a small Buffer of `alloc` in its heap at first, and leaves
 * a copy there when it moves it.
 */
const ALPHABET = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/')
const PAD = 61
const [PLUS, SLASH, HYPHEN, UNDERSCORE] = [43, 47, 45, 95] as const
const NONE = 0xff
const VALUES = Buffer.alloc(256, NONE)
for (const [value, octet] of ALPHABET.entries()) VALUES[octet] = value

/** Strict: whole groups, padding where it belongs, nothing between; undefined: malformed. */
export function decodeBase64(text: Buffer): Buffer | undefined {
  const { length } = text
  if (length % 4 !== 0) return undefined
  const padding = text[length - 1] !== PAD ? 0 : text[length - 2] !== PAD ? 1 : 2
  const octets = Buffer.allocUnsafe((length / 4) * 3 - padding)
  let bits = 0
  let at = 0
  for (let i = 0; i < length; i += 1) {
    const value = i < length - padding ? (VALUES[text[i] ?? PAD] ?? NONE) : 0
    if (value === NONE) {
      octets.fill(0)
      return undefined
    }
    bits = (bits << 6) | value
    if (i % 4 !== 3) continue
    octets[at] = bits >> 16
    // A write beyond the end is a write to nowhere: so the last group loses what the padding stands for.
    octets[at + 1] = bits >> 8
    octets[at + 2] = bits
    at += 3
    bits = 0
  }
  return octets
}

/** Of the alphabet for URLs, without padding, as JWS has it (RFC 4648 5); the other one is malformed here. */
export function decodeBase64Url(text: Buffer): Buffer | undefined {
  const padded = Buffer.allocUnsafe(Math.ceil(text.length / 4) * 4).fill(PAD, text.length)
  for (let i = 0; i < text.length; i += 1) {
    const octet = text[i] ?? PAD
    if (octet === HYPHEN) padded[i] = PLUS
    else if (octet === UNDERSCORE) padded[i] = SLASH
    else padded[i] = octet === PLUS || octet === SLASH ? PAD : octet
  }
  const octets = decodeBase64(padded)
  padded.fill(0)
  // Padding of its own would end the text before its end.
  return octets && text[text.length - 1] !== PAD ? octets : undefined
}

/** What a text for URLs stands for; undefined: another text is the way to write it, as unused bits of the last character allow. */
export function canonicalOctets(text: string): Buffer | undefined {
  const octets = Buffer.from(text, 'base64url')
  return octets.toString('base64url') === text ? octets : undefined
}

export function encodeBase64(octets: Buffer): Buffer {
  const text = Buffer.allocUnsafe(Math.ceil(octets.length / 3) * 4)
  for (let i = 0, at = 0; i < octets.length; i += 3, at += 4) {
    const bits = ((octets[i] ?? 0) << 16) | ((octets[i + 1] ?? 0) << 8) | (octets[i + 2] ?? 0)
    text[at] = ALPHABET[bits >> 18] ?? PAD
    text[at + 1] = ALPHABET[(bits >> 12) & 63] ?? PAD
    text[at + 2] = i + 1 < octets.length ? (ALPHABET[(bits >> 6) & 63] ?? PAD) : PAD
    text[at + 3] = i + 2 < octets.length ? (ALPHABET[bits & 63] ?? PAD) : PAD
  }
  return text
}
