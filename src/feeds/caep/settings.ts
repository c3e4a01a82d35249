import { PLAIN_URL } from '../../config/settings'
import type { FeedContext } from '../kind'

export interface ReceiverSettings {
  readonly issuer: string
  readonly audience: string
  readonly jwks_uri?: string
}

export const receiverSettings = ({ settings }: FeedContext): ReceiverSettings =>
  settings as unknown as ReceiverSettings

/** Settings that both ways of delivery have. */
export const RECEIVER_SETTINGS = {
  issuer: {
    type: 'string',
    pattern: '^https?://',
    format: PLAIN_URL,
    title: 'the URL by which the transmitter names itself, letter by letter',
  },
  audience: { type: 'string', minLength: 1, description: 'what the transmitter names us by, as aud' },
  jwks_uri: {
    type: 'string',
    pattern: '^https?://',
    format: PLAIN_URL,
    title: 'the https URL of its keys; default: by its discovery document',
  },
}
