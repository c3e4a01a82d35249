import { ImapFlow } from 'imapflow'
import nodemailer from 'nodemailer'

export interface Login {
  readonly user: string
  readonly pass: string
}

/** What a person sees whose mail app syncs: the newest subject, or the refusal; and the alerts. */
export interface Sync {
  readonly subject: string | null
  readonly refusal: { readonly code: string; readonly text: string } | null
  readonly alerts: readonly string[]
}

export interface ClientTls {
  readonly tls: 'none' | 'starttls' | 'implicit'
  /** PEM: the CA that the gate's certificate must come from. */
  readonly ca?: string
}

export const imapClient = (port: number, auth: Login, { tls, ca }: ClientTls = { tls: 'none' }): ImapFlow =>
  new ImapFlow({
    host: '127.0.0.1',
    port,
    secure: tls === 'implicit',
    ...(tls !== 'implicit' && { doSTARTTLS: tls === 'starttls' }),
    auth,
    logger: false,
    ...(ca !== undefined && { tls: { ca } }),
  })

/** Logs in, reads the subject of the newest message, and logs out. */
export async function syncMail(client: ImapFlow): Promise<Sync> {
  const alerts: string[] = []
  client.on('alert', ({ message }) => alerts.push(message))
  try {
    await client.connect()
  } catch (error) {
    return { subject: null, refusal: refusalOf(error), alerts }
  }
  try {
    await client.mailboxOpen('INBOX')
    const message = await client.fetchOne('*', { envelope: true })
    return { subject: (message && message.envelope?.subject) || '', refusal: null, alerts }
  } finally {
    await client.logout()
  }
}

/** A login that was answered with NO; any other error is none. */
function refusalOf(error: unknown): NonNullable<Sync['refusal']> {
  const { serverResponseCode, responseText, responseStatus } = error as Record<string, string | undefined>
  if (responseStatus !== 'NO') throw error
  return { code: serverResponseCode ?? '', text: responseText ?? '' }
}

/** Submits one message; gives the server's last reply, refusal or not. */
export async function submitMail(port: number, auth: Login): Promise<string> {
  const transport = nodemailer.createTransport({
    host: '127.0.0.1',
    port,
    secure: false,
    ignoreTLS: true,
    auth,
  })
  try {
    const { response } = await transport.sendMail({
      envelope: { from: 'anna@example.com', to: 'ben@example.com' },
      raw: 'Subject: hello\r\n\r\nLunch?\r\n',
    })
    return response
  } catch (error) {
    const { response } = error as { readonly response?: string }
    if (response === undefined) throw error
    return response
  } finally {
    transport.close()
  }
}
