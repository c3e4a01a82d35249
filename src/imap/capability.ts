import { MECHANISMS } from './sasl'

const ALWAYS = 'IMAP4rev1 LITERAL+ SASL-IR ID'
const WITHOUT_CERTIFICATE = MECHANISMS.filter((name) => name !== 'EXTERNAL')
const authWords = (names: readonly string[]): string => names.map((name) => ` AUTH=${name}`).join('')
const AUTH = authWords(WITHOUT_CERTIFICATE)
const AUTH_BY_CERTIFICATE = authWords(MECHANISMS)

/** What the gate offers before login: nothing that an upstream may lack. */
export function ownCapability(state: {
  readonly startTls: boolean
  readonly loginAllowed: boolean
  readonly certificate: boolean
}): string {
  const login = state.loginAllowed ? (state.certificate ? AUTH_BY_CERTIFICATE : AUTH) : ' LOGINDISABLED'
  return `${ALWAYS}${state.startTls ? ' STARTTLS' : ''}${login}`
}

/** A compressed stream could not carry the gate's own words, such as `* BYE`. */
export const withoutCompress = (line: string): string => line.replace(/ COMPRESS=[^\s\]]*/gi, '')
