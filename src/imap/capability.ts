import { MECHANISMS } from './sasl'

/** What the gate offers before login: nothing that an upstream may lack. */
export function ownCapability(state: {
  readonly startTls: boolean
  readonly loginAllowed: boolean
  readonly certificate: boolean
}): string {
  const words = ['IMAP4rev1', 'LITERAL+', 'SASL-IR', 'ID']
  if (state.startTls) words.push('STARTTLS')
  if (!state.loginAllowed) words.push('LOGINDISABLED')
  else {
    for (const name of MECHANISMS) if (name !== 'EXTERNAL' || state.certificate) words.push(`AUTH=${name}`)
  }
  return words.join(' ')
}

/** A compressed stream could not carry the gate's own words, such as `* BYE`. */
export const withoutCompress = (line: string): string => line.replace(/ COMPRESS=[^\s\]]*/gi, '')
