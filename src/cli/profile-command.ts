import fs from 'node:fs'
import type { Command } from 'commander'

import { mailProfile, type MailServer } from '../enrolment/mail-profile'
import { signProfile } from '../enrolment/profile-signature'
import { answer, type CommandContext } from './context'
import { Refusal, UsageError } from './output'
import { writeSecret } from './secret-output'
import { tagIssuer } from './tag-issuer'

interface ProfileOptions {
  readonly apple?: boolean
  readonly user?: string
  readonly imap: string
  readonly smtp: string
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

export function profileCommand(program: Command, context: () => CommandContext): void {
  program
    .command('profile')
    .description("write a configuration profile that sets up mail on a device, with the device's tag in it")
    .argument('<device>')
    .requiredOption('--apple', 'a .mobileconfig for iPhone, iPad and Mac')
    .requiredOption(
      '--imap <host[:port]>',
      `the gate as clients reach it, by implicit TLS; port ${IMAPS_PORT}`,
    )
    .requiredOption(
      '--smtp <host[:port]>',
      `Haraka as clients reach it, by implicit TLS; port ${SUBMISSIONS_PORT}`,
    )
    .requiredOption('--out <file>', 'written with mode 0600: the profile carries the tag')
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
  const { signCert, signKey, out, certificate } = options
  if ((signCert === undefined) !== (signKey === undefined))
    throw new UsageError('--sign-cert and --sign-key go together')
  if (options.signChain !== undefined && signCert === undefined)
    throw new UsageError('--sign-chain needs --sign-cert and --sign-key')
  const user = options.user ?? onlyOwner(context, device)
  const domain = user.slice(user.lastIndexOf('@') + 1)
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

function readFile(file: string): Buffer {
  try {
    return fs.readFileSync(file)
  } catch (error) {
    throw new Refusal(`${file} cannot be read: ${(error as Error).message}`)
  }
}
