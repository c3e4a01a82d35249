/** The demo's mail: one INBOX for each person, made at start, never stored. */

export interface DemoMessage {
  readonly uid: number
  readonly internalDate: string
  readonly header: string
  readonly text: string
  seen: boolean
}

export interface DemoAccount {
  readonly password: string
  readonly messages: DemoMessage[]
}

const LETTERS = [
  {
    subject: 'Welcome to the demo',
    text: 'This message came through Device Gate.\r\nYour device may sync.\r\n',
  },
  { subject: 'Lunch on Friday?', text: 'Noon, at the corner place.\r\n' },
  { subject: 'Minutes of the meeting', text: 'Nothing was decided. See you next week.\r\n' },
] as const

/** Makes an account for each address, all with the same password. */
export const demoAccounts = (addresses: readonly string[], password: string): Map<string, DemoAccount> =>
  new Map(
    addresses.map((address) => [address, { password, messages: LETTERS.map((_, i) => letter(address, i)) }]),
  )

function letter(address: string, index: number): DemoMessage {
  const { subject, text } = LETTERS[index] ?? LETTERS[0]
  const header = [
    'From: Demo <demo@example.com>',
    `To: <${address}>`,
    `Subject: ${subject}`,
    'Date: Fri, 20 Nov 2026 09:00:00 +0000',
    `Message-ID: <demo-${index + 1}@example.com>`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    '',
    '',
  ].join('\r\n')
  return { uid: index + 1, internalDate: '20-Nov-2026 09:00:00 +0000', header, text, seen: false }
}
