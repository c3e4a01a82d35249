import fs from 'node:fs'
import type { Command } from 'commander'

import { fillTemplate, TemplateError, type Placeholder } from '../enrolment/configuration-template'
import { mailProfile, type MailServer } from '../enrolment/mail-profile'
import { signProfile } from '../enrolment/profile-signature'
import { answer, type CommandContext } from './context'
import { Refusal, UsageError } from './output'
import { writeSecret } from './secret-output'
import { tagIssuer } from './tag-issuer'

interface ProfileOptions {
  readonly apple?: boolean
  readonly android?: boolean
  readonly template?: string
  readonly user?: string
  readonly imap?: string
  readonly smtp?: string
  readonly name?: string
  readonly organisation?: string
  readonly identifier?: string
  readonly certificate?: string
  readonly signCert?: string
  readonly signKey?: string
  readonly signChain?: string
  readonly out: string
}

const IMAPS_PORT = 993
const SUBMISSIONS_PORT = 465
const MAX_TEMPLATE_OCTETS = 1024 * 1024
/** What has to do with a .mobileconfig only. */
const OF_APPLE = ['identifier', 'certificate', 'signCert', 'signKey', 'signChain'] as const

export function profileCommand(program: Command, context: () => CommandContext): void {
  program
    .command('profile')
    .description("write what sets up mail on a device, with the device's tag in it")
    .argument('<device>')
    .option('--apple', 'a .mobileconfig for iPhone, iPad and Mac')
    .option('--android', 'the managed configuration of an app, by --template')
    .option('--template <file>', 'JSON with placeholders such as ${login}, as the app takes it')
    .option('--imap <host[:port]>', `the gate as clients reach it, by implicit TLS; port ${IMAPS_PORT}`)
    .option('--smtp <host[:port]>', `Haraka as clients reach it, by implicit TLS; port ${SUBMISSIONS_PORT}`)
    .requiredOption('--out <file>', 'written with mode 0600: it carries the tag')
    .option('--user <address>', "default: the device's owner, where it has one")
    .option('--name <text>', 'the name that mail is sent under; default: the address')
    .option(
      '--organisation <text>',
      'shown when the profile is installed; default: the domain of the address',
    )
    .option('--identifier <name>', 'reverse DNS, as com.example.mail; default: of the domain')
    .option('--certificate <file>', 'PKCS #12 that the device gets too')
    .option('--sign-cert <file>', 'PEM: sign with this')
    .option('--sign-key <file>', 'PEM: its key')
    .option('--sign-chain <file>', 'PEM: the certificates between it and a root')
    .action((device: string, options: ProfileOptions) => profile(context(), device, options))
}

async function profile(context: CommandContext, device: string, options: ProfileOptions): Promise<void> {
  const { apple, android, template } = options
  if (apple === android) throw new UsageError('say for what: --apple or --android')
  if ((android ?? false) !== (template !== undefined))
    throw new UsageError('--android and --template go together')
  if (template === undefined) return appleProfile(context, device, options)
  if (OF_APPLE.some((option) => options[option] !== undefined))
    throw new UsageError('--identifier, --certificate and --sign-... go with --apple only')
  androidConfiguration(context, device, template, options)
}

async function appleProfile(context: CommandContext, device: string, options: ProfileOptions): Promise<void> {
  const { signCert, signKey, out, certificate } = options
  if ((signCert === undefined) !== (signKey === undefined))
    throw new UsageError('--sign-cert and --sign-key go together')
  if (options.signChain !== undefined && signCert === undefined)
    throw new UsageError('--sign-chain needs --sign-cert and --sign-key')
  if (options.imap === undefined || options.smtp === undefined)
    throw new UsageError('--apple needs --imap and --smtp')
  const user = options.user ?? onlyOwner(context, device)
  const domain = domainOf(user)
  const text = mailProfile({
    deviceId: device,
    address: user,
    userName: tagIssuer(context)(user, device),
    displayName: options.name ?? user,
    imap: mailServer('--imap', options.imap, IMAPS_PORT),
    smtp: mailServer('--smtp', options.smtp, SUBMISSIONS_PORT),
    organisation: options.organisation ?? domain,
    identifier: options.identifier ?? [...domain.split('.').reverse(), 'device-gate'].join('.'),
    certificate: certificate === undefined ? undefined : readFile(certificate),
  })
  const signed =
    signCert === undefined || signKey === undefined
      ? undefined
      : await signProfile(text, { certificateFile: signCert, keyFile: signKey, chainFile: options.signChain })
  writeSecret(out, signed ?? text)
  const json = { device, user, file: out, signed: signed !== undefined }
  answer(context, json, `${out}: mail of ${user} on ${device}, ${signed ? 'signed' : 'not signed'}\n`)
}

/** What the app's maker documents, as the site has written it down, filled in for one device. */
function androidConfiguration(
  context: CommandContext,
  device: string,
  template: string,
  options: ProfileOptions,
): void {
  const user = options.user ?? onlyOwner(context, device)
  const imap = options.imap === undefined ? undefined : mailServer('--imap', options.imap, IMAPS_PORT)
  const smtp = options.smtp === undefined ? undefined : mailServer('--smtp', options.smtp, SUBMISSIONS_PORT)
  const text = readFile(template, MAX_TEMPLATE_OCTETS).toString()
  try {
    const configuration = fillTemplate(text, {
      user: { value: user },
      login: { value: tagIssuer(context)(user, device) },
      device: { value: device },
      name: { value: options.name ?? user },
      organisation: { value: options.organisation ?? domainOf(user) },
      ...placeholdersOf('imap', imap),
      ...placeholdersOf('smtp', smtp),
    })
    writeSecret(options.out, configuration)
  } catch (error) {
    if (error instanceof TemplateError) throw new Refusal(`${template}: ${error.message}`)
    throw error
  }
  const json = { device, user, file: options.out, template }
  answer(context, json, `${options.out}: mail of ${user} on ${device}, by ${template}\n`)
}

function placeholdersOf(side: 'imap' | 'smtp', server: MailServer | undefined): Record<string, Placeholder> {
  const of = (value: string | number | undefined): Placeholder =>
    value === undefined ? { missing: `--${side}` } : { value: String(value) }
  return { [`${side}_host`]: of(server?.host), [`${side}_port`]: of(server?.port) }
}

const domainOf = (user: string): string => user.slice(user.lastIndexOf('@') + 1)

function onlyOwner(context: CommandContext, device: string): string {
  const owners = context.store().device(device)?.owners ?? []
  const [owner] = owners
  if (owner === undefined || owners.length > 1)
    throw new UsageError(
      `device ${device} has ${owners.length || 'no'} owners: say whose mail it is by --user`,
    )
  return owner
}

function mailServer(option: string, text: string, standardPort: number): MailServer {
  const { host, port } = /^(?<host>[A-Za-z0-9.-]{1,253})(?::(?<port>\d{1,5}))?$/.exec(text)?.groups ?? {}
  const number = port === undefined ? standardPort : Number(port)
  if (host === undefined || number < 1 || number > 65_535)
    throw new UsageError(`${option} "${text}" is no host or host:port`)
  return { host, port: number }
}

function readFile(file: string, maxOctets = Infinity): Buffer {
  let octets: Buffer
  try {
    octets = fs.readFileSync(file)
  } catch (error) {
    throw new Refusal(`${file} cannot be read: ${(error as Error).message}`)
  }
  if (octets.length > maxOctets) throw new Refusal(`${file} is larger than ${maxOctets} octets`)
  return octets
}
