import { randomBytes } from 'node:crypto'
import { Option, type Command } from 'commander'

import { unlessDamaged } from '../devices/unless-damaged'
import { formatAttestLink } from '../identity/attest-link'
import { attestationJson, attestationState } from '../lookup/attestation'
import { readable } from '../lookup/site'
import { AttestationDesk } from '../orders/attestation-desk'
import type { Attestation } from '../policy/attestation'
import type { DeviceRecord } from '../policy/device'
import type { Mandate } from '../policy/policy'
import { findingsOf, unseenFinding } from '../policy/reach'
import { PLATFORMS, type Platform } from '../policy/vocabulary'
import { answer, note, type CommandContext } from './context'
import { checkedDeviceId, checkedUser } from './device-command'
import { untilInForce } from './in-force'
import { durationMs } from './moment'
import { authorship, CONFIRM, confirmed, type ReasonOptions } from './orders'
import { age, clockTime, Refusal, table, UsageError } from './output'
import { keyring, NO_KEY } from './tag-issuer'

interface SubjectOptions {
  readonly user?: string
  readonly device?: string
}

interface LinkOptions extends SubjectOptions {
  readonly mandate?: string
  readonly platform?: Platform
  readonly expires: string
  readonly reason?: string
}

const LINK_ID_OCTETS = 12
const MAX_EXPIRES_MS = 90 * 86_400_000

/** Statements that people make by a link, where no manager sees into their phone. */
export function attestCommand(program: Command, context: () => CommandContext): void {
  const command = program
    .command('attest')
    .description('ask a person to state that an app is gone from a phone that no manager sees into')
  command
    .command('link')
    .description('print the link by which the person makes the statement, once')
    .option('--user <address>', 'the person')
    .option('--device <id>', 'the device, as its tag or certificate names it')
    .option('--mandate <id>', 'the mandate of the policy in force that it is about')
    .addOption(new Option('--platform <platform>', 'of a device that nobody reported').choices(PLATFORMS))
    .option('--expires <duration>', 'how long the link can be used, at most 90d', '7d')
    .option('--reason <text>', 'why; kept in the history')
    .action(async (options: LinkOptions) => link(context(), options))
  command
    .command('list')
    .description('list links and statements, those that ended too while they are kept')
    .action(() => list(context()))
  command
    .command('remove')
    .description('end what a person stated of a device, and the links that still ask')
    .option('--user <address>', 'the person')
    .option('--device <id>', 'the device')
    .option('--reason <text>', 'why; kept in the history')
    .option(...CONFIRM)
    .action(async (options: SubjectOptions & ReasonOptions) => remove(context(), options))
}

function subjectOf({ user, device }: SubjectOptions): { readonly user: string; readonly deviceId: string } {
  if (user === undefined || device === undefined)
    throw new UsageError('name both: --user ADDRESS and --device ID')
  return { user: checkedUser(user), deviceId: checkedDeviceId(device) }
}

async function link(context: CommandContext, options: LinkOptions): Promise<void> {
  const { url, validMs } = context.config().attestation
  if (url === null)
    throw new Refusal('statements are off: set attestation.url in device_gate.yaml (docs/attestation.md)')
  const [key] = keyring(context)
  if (!key) throw new Refusal(NO_KEY)
  const { user, deviceId } = subjectOf(options)
  const mandate = mandateOf(context, options.mandate)
  const expiresMs = durationMs('--expires', options.expires)
  if (expiresMs > MAX_EXPIRES_MS) throw new UsageError(`--expires "${options.expires}" is more than 90d`)
  const device = unlessDamaged(
    () => context.store().device(deviceId),
    (message) => note(context, message),
  )
  const platform = platformOf(options, device, mandate)
  const { author, reason, at } = authorship(context, options)
  const attestation: Attestation = {
    link: randomBytes(LINK_ID_OCTETS).toString('base64url'),
    user,
    deviceId,
    platform,
    mandate: mandate.id,
    findings: findingsOf(mandate),
    author,
    reason,
    createdAt: at,
    linkExpiresAt: at + expiresMs,
    stated: null,
  }
  tellUnneeded(context, attestation, device, mandate)
  await new AttestationDesk(context.store(), context.now).ask(attestation)
  const address = `${url}/attest/${formatAttestLink(key, attestation)}`
  note(
    context,
    `give it to ${user} alone, until ${clockTime(attestation.linkExpiresAt)}; a statement counts for ${age(validMs / 1000)}`,
  )
  answer(context, { ...attestationJson(attestation, at), address }, `${address}\n`)
}

function mandateOf(context: CommandContext, id: string | undefined): Mandate {
  const mandates = context.store().activePolicy()?.policy.mandates ?? []
  const known = mandates.map((one) => one.id).join(', ') || 'none'
  if (id === undefined) throw new UsageError(`name the mandate: --mandate ID; in force: ${known}`)
  const mandate = mandates.find((one) => one.id === id)
  if (!mandate) throw new Refusal(`no mandate ${id} is in force; there are: ${known}`)
  return mandate
}

function platformOf(
  { platform, device: id }: LinkOptions,
  device: DeviceRecord | undefined,
  { id: mandate, platforms }: Mandate,
): Platform {
  const found = device?.platform ?? platform
  if (found === undefined) throw new UsageError(`device ${id ?? ''} was never reported: add --platform`)
  if (device && platform !== undefined && platform !== device.platform)
    throw new Refusal(`device ${device.id} was reported as ${device.platform}`)
  if (!platforms.includes(found)) throw new Refusal(`mandate ${mandate} is not about ${found}`)
  return found
}

/** What a manager sees counts, whatever is stated: reasons to tell, none to refuse. */
function tellUnneeded(
  context: CommandContext,
  { user, findings }: Attestation,
  device: DeviceRecord | undefined,
  mandate: Mandate,
): void {
  if (!device) return
  if (!device.owners.includes(user))
    note(
      context,
      `${user} is not among the owners of ${device.id} (${device.owners.join(', ') || 'it has none'})`,
    )
  if (findings.some((finding) => device.findings.includes(finding)))
    note(context, `${device.id} is seen to have it: a statement changes nothing until it is reported gone`)
  else if (!device.findings.includes(unseenFinding(mandate)))
    note(context, `${device.source} sees ${device.id}, without it: no statement is needed`)
}

function list(context: CommandContext): void {
  const now = context.now()
  const all = readable(context, context.store().listAttestations()).flat()
  const rows = all.map((one) => [
    one.user,
    one.deviceId,
    one.mandate,
    attestationState(one, now),
    clockTime(one.stated?.expiresAt ?? one.linkExpiresAt),
    one.stated?.remote ?? '-',
    one.author,
    one.reason,
  ])
  answer(
    context,
    all.map((one) => attestationJson(one, now)),
    rows.length === 0
      ? 'no links and no statements\n'
      : table(['user', 'device', 'mandate', 'state', 'until', 'from', 'by', 'reason'], rows),
  )
}

async function remove(context: CommandContext, options: SubjectOptions & ReasonOptions): Promise<void> {
  const { user, deviceId } = subjectOf(options)
  const by = authorship(context, options)
  const since = performance.now()
  const desk = new AttestationDesk(context.store(), context.now)
  const { entry } = await desk.remove(user, deviceId, by, confirmed(options))
  if (!entry) throw new Refusal(`there is neither a link nor a statement of ${user} about device ${deviceId}`)
  await untilInForce(context, since)
  answer(
    context,
    { removed: { user, device: deviceId } },
    `links and statements of ${user} about device ${deviceId} removed\n`,
  )
}
