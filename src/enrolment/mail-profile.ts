import { createHash } from 'node:crypto'

import { propertyList, type PropertyValue } from './property-list'

/** Where a mail client connects to, by implicit TLS (RFC 8314 section 3). */
export interface MailServer {
  readonly host: string
  readonly port: number
}

export interface MailAccount {
  readonly deviceId: string
  /** The mail address of the person. */
  readonly address: string
  /** What the client logs in with: the user name with the device's tag. */
  readonly userName: string
  /** Shown as the sender's name. */
  readonly displayName: string
  readonly imap: MailServer
  readonly smtp: MailServer
  /** Shown when the profile is installed. */
  readonly organisation: string
  /** Reverse DNS, as com.example.mail: a profile of the same identifier and device takes the place of the one before. */
  readonly identifier: string
  /** PKCS #12, with the password that opens it asked for on the device. */
  readonly certificate: Buffer | undefined
}

/**
 * An Apple configuration profile with one mail account (payload com.apple.mail.managed of Apple's device management
 * schema). It has no password: the device asks for it. The same account gives the same profile.
 */
export function mailProfile(account: MailAccount): string {
  const { organisation, deviceId, address, certificate } = account
  const content = [
    payload(account, 'com.apple.mail.managed', 'mail', mailSettings(account)),
    ...(certificate === undefined
      ? []
      : [payload(account, 'com.apple.security.pkcs12', 'certificate', { PayloadContent: certificate })]),
  ]
  return propertyList({
    ...payload(account, 'Configuration', undefined, {}),
    PayloadDisplayName: `${organisation} mail`,
    PayloadDescription: `Mail of ${address} on the device ${deviceId}`,
    PayloadOrganization: organisation,
    PayloadContent: content,
  })
}

/** The keys that every payload has. */
function payload(
  { identifier, deviceId, address }: MailAccount,
  type: string,
  part: string | undefined,
  settings: Record<string, PropertyValue>,
): Record<string, PropertyValue> {
  const own = [
    identifier,
    uuid(`${deviceId}\n${address}`).toLowerCase(),
    ...(part === undefined ? [] : [part]),
  ].join('.')
  return {
    PayloadType: type,
    PayloadVersion: 1,
    PayloadIdentifier: own,
    PayloadUUID: uuid(own),
    ...settings,
  }
}

function mailSettings(account: MailAccount): Record<string, PropertyValue> {
  const { organisation, displayName, address, userName, imap, smtp } = account
  const server = (
    side: 'Incoming' | 'Outgoing',
    { host, port }: MailServer,
  ): Record<string, PropertyValue> => ({
    [`${side}MailServerHostName`]: host,
    [`${side}MailServerPortNumber`]: port,
    [`${side}MailServerUseSSL`]: true,
    [`${side}MailServerAuthentication`]: 'EmailAuthPassword',
    [`${side}MailServerUsername`]: userName,
  })
  return {
    PayloadDisplayName: `${organisation} mail`,
    EmailAccountType: 'EmailTypeIMAP',
    EmailAccountDescription: organisation,
    EmailAccountName: displayName,
    EmailAddress: address,
    ...server('Incoming', imap),
    ...server('Outgoing', smtp),
    OutgoingPasswordSameAsIncomingPassword: true,
  }
}

/** The same for the same name (RFC 9562 section 5.8: version 8, ours from SHA-256). */
function uuid(name: string): string {
  const octets = createHash('sha256').update('device-gate profile\0').update(name).digest().subarray(0, 16)
  octets.writeUInt8((octets.readUInt8(6) & 0x0f) | 0x80, 6)
  octets.writeUInt8((octets.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = octets.toString('hex').toUpperCase()
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
