import { urlSetting } from '../../config/settings'
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
  issuer: urlSetting('the URL by which the transmitter names itself, letter by letter'),
  audience: { type: 'string', minLength: 1, description: 'what the transmitter names us by, as aud' },
  jwks_uri: urlSetting('the https URL of its keys; default: by its discovery document'),
}
