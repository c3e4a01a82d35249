import fs from 'node:fs'
import type { Command } from 'commander'

import { readCertificateCsv } from '../devices/certificate-csv'
import { isDeviceId, RECORD_LIMITS } from '../devices/record'
import { unlessDamaged } from '../devices/unless-damaged'
import { certificateNumber, numberOf, type CertificateNumber } from '../identity/registered-certificate'
import { changeCertificates } from '../orders/certificate-desk'
import {
  MAX_CERTIFICATES,
  registeredCertificates,
  type CertificateChange,
  type RegisteredCertificate,
} from '../orders/certificates'
import { devicesThatCameBy } from './came-by'
import { answer, note, type CommandContext } from './context'
import { checkedDeviceId } from './device-command'
import { untilInForce } from './in-force'
import { authorship, CONFIRM, confirmed, type ReasonOptions } from './orders'
import { clockTime, isoTime, Refusal, table, UsageError } from './output'

interface NumberOptions {
  readonly issuer?: string
  readonly serial?: string
  readonly file?: string
}

interface RemoveOptions extends NumberOptions, ReasonOptions {
  readonly device?: string
}

export function certificateCommand(program: Command, context: () => CommandContext): void {
  const command = program
    .command('certificate')
    .description('which client certificates lead to which device, by issuer and serial number')
  const numbered = (sub: Command): Command =>
    sub
      .option('--issuer <name>', 'who issued it, as "CN=Device CA,O=Example"')
      .option('--serial <number>', 'its serial number, in hexadecimal')
      .option('--file <file>', 'instead of both: the certificate, in PEM or DER')
  const ordered = (sub: Command): Command =>
    sub.option('--reason <text>', 'why; kept in the history').option(...CONFIRM)

  ordered(
    numbered(command.command('add').description('register a certificate of a device').argument('<device>')),
  ).action(async (device: string, options: NumberOptions & ReasonOptions) => add(context(), device, options))
  ordered(command.command('import'))
    .description('register those of a CSV file with device, issuer and serial, or of standard input (-)')
    .argument('<file>')
    .action(async (file: string, options: ReasonOptions) => importFile(context(), file, options))
  command
    .command('list')
    .description('list them')
    .option('--device <id>', 'of this device')
    .action(({ device }: { device?: string }) => list(context(), device))
  ordered(numbered(command.command('remove').description('take one away, or all of a device')))
    .option('--device <id>', 'all of this device')
    .action(async (options: RemoveOptions) => remove(context(), options))
}

async function add(
  context: CommandContext,
  device: string,
  options: NumberOptions & ReasonOptions,
): Promise<void> {
  const by = authorship(context, options)
  const change = registration(checkedDeviceId(device), numberFrom(options), by.at)
  await give(context, [change], by, options)
  if (!unlessDamaged(() => context.store().device(device)))
    note(context, `device ${device} was never reported: until it is, the policy's "unknown" decides`)
  const { issuer, serial } = change.certificate
  answer(
    context,
    { device, issuer, serial },
    `certificate ${serial} of ${issuer} leads to device ${device}\n`,
  )
}

async function importFile(context: CommandContext, file: string, options: ReasonOptions): Promise<void> {
  const by = authorship(context, options)
  const listed = new Map<string, CertificateChange>()
  for await (const { line, device, issuer, serial } of readCertificateCsv(inputOf(context, file))) {
    const refuse = (problem: string): never => {
      throw new Refusal(`line ${line}: ${problem}; nothing was registered`)
    }
    const number = certificateNumber(issuer, serial) ?? refuse(NOT_A_NUMBER)
    if (!isDeviceId(device)) refuse(NOT_A_DEVICE)
    if (listed.has(number.key)) refuse('has a certificate of a line before')
    if (listed.size === MAX_CERTIFICATES) refuse(`is one more than ${MAX_CERTIFICATES} certificates`)
    listed.set(number.key, registration(device, number, by.at))
  }
  const changes = [...listed.values()]
  const registered = knownCertificates(context)
  const fresh = changes.filter(({ key, certificate }) => registered.get(key)?.device !== certificate.device)
  await give(context, fresh, by, options)
  const devices = new Set(fresh.map(({ certificate }) => certificate.device)).size
  const json = { registered: fresh.length, unchanged: changes.length - fresh.length }
  answer(
    context,
    json,
    `${json.registered} registered, of ${devices} devices; ${json.unchanged} were there already\n`,
  )
}

function inputOf({ streams }: CommandContext, file: string): AsyncIterable<Uint8Array> {
  if (file === '-') return streams.input
  if (!fs.existsSync(file)) throw new Refusal(`${file} cannot be read: it does not exist`)
  return fs.createReadStream(file)
}

async function remove(context: CommandContext, options: RemoveOptions): Promise<void> {
  const by = authorship(context, options)
  const registered = registeredCertificates(context.store())
  const changes = chosen(registered, options).map(([key, certificate]): CertificateChange => ({
    key,
    certificate,
    removed: true,
  }))
  if (changes.length === 0)
    throw new Refusal('no such certificate is registered: see device-gate certificate list')
  await give(context, changes, by, options)
  answer(
    context,
    { removed: changes.map(({ certificate }) => certificateJson(certificate)) },
    `${changes.length} removed; what these devices are decided by is their next proof\n`,
  )
}

function chosen(
  registered: ReadonlyMap<string, RegisteredCertificate>,
  options: RemoveOptions,
): [string, RegisteredCertificate][] {
  const { device, issuer, serial, file } = options
  if (device === undefined) {
    const { key } = numberFrom(options)
    return [...registered].filter(([one]) => one === key)
  }
  if (issuer ?? serial ?? file)
    throw new UsageError('name one certificate, or all of a device by --device ID')
  return [...registered].filter(([, certificate]) => certificate.device === device)
}

function list(context: CommandContext, device: string | undefined): void {
  const found = [...registeredCertificates(context.store()).values()]
    .filter((certificate) => device === undefined || certificate.device === device)
    .sort((a, b) => (a.device < b.device ? -1 : 1))
  const rows = found.map(({ device: of, serial, issuer, at }) => [of, serial, issuer, clockTime(at)])
  answer(
    context,
    found.map(certificateJson),
    rows.length === 0 ? 'no certificates\n' : table(['device', 'serial', 'issuer', 'registered'], rows),
  )
}

const certificateJson = ({ device, issuer, serial, at }: RegisteredCertificate): object => ({
  device,
  issuer,
  serial,
  registered_at: isoTime(at),
})

const NOT_A_DEVICE = `a device id is text of 1 to ${RECORD_LIMITS.idChars} characters`
const NOT_A_NUMBER =
  'give the issuer as "CN=Device CA,O=Example" and the serial number in hexadecimal, at most 64 digits'

function numberFrom({ issuer, serial, file }: NumberOptions): CertificateNumber {
  if (file !== undefined && issuer === undefined && serial === undefined) return numberIn(file)
  if (file !== undefined || issuer === undefined || serial === undefined)
    throw new UsageError('name the certificate by --issuer NAME and --serial NUMBER, or by --file FILE')
  const number = certificateNumber(issuer, serial)
  if (!number) throw new UsageError(NOT_A_NUMBER)
  return number
}

/** Many times what a certificate takes. */
const MAX_OCTETS = 65_536

function numberIn(file: string): CertificateNumber {
  try {
    if (fs.statSync(file).size > MAX_OCTETS) throw new Error(`is larger than ${MAX_OCTETS} octets`)
    const number = numberOf(fs.readFileSync(file))
    if (number) return number
  } catch (error) {
    throw new Refusal(`${file} is no certificate in PEM or DER: ${(error as Error).message}`)
  }
  throw new Refusal(`${file} has no issuer`)
}

const registration = (
  device: string,
  { key, issuer, serial }: CertificateNumber,
  at: number,
): CertificateChange => ({ key, certificate: { device, issuer, serial, at }, removed: false })

async function give(
  context: CommandContext,
  changes: readonly CertificateChange[],
  by: ReturnType<typeof authorship>,
  options: ReasonOptions,
): Promise<void> {
  const registered = knownCertificates(context)
  for (const { key, certificate, removed } of changes) if (!removed) registered.set(key, certificate)
  if (registered.size > MAX_CERTIFICATES)
    throw new Refusal(`there can be ${MAX_CERTIFICATES} certificates; remove those that ended`)
  const since = performance.now()
  await changeCertificates(context.store(), changes, {
    by,
    came: devicesThatCameBy(context, 'certificate'),
    confirmed: confirmed(options),
  })
  await untilInForce(context, since)
}

/** None where one of them is damaged: to write it again must be possible. */
function knownCertificates(context: CommandContext): Map<string, RegisteredCertificate> {
  const known = unlessDamaged(
    () => registeredCertificates(context.store()),
    (message) => note(context, message),
  )
  return known ?? new Map<string, RegisteredCertificate>()
}
