import type { Command } from 'commander'

import { rewriteSecretFile } from '../config/secret-file'
import { createTagReader } from '../identity/device-tag'
import { formatKeyring, rotateKeyring, type TagKeyring } from '../identity/tag-keyring'
import { normaliseUser } from '../devices/record'
import { unlessDamaged } from '../devices/unless-damaged'
import { devicesThatCameBy } from './came-by'
import { answer, note, type CommandContext } from './context'
import { authorship, CONFIRM, confirmed, orderDesk, type ReasonOptions } from './orders'
import { clockTime, isoTime, jsonLine, printable, Refusal, table } from './output'
import { tagExportCommand } from './tag-export-command'
import { keyring, NO_KEY, tagIssuer } from './tag-issuer'

export function tagCommand(program: Command, context: () => CommandContext): void {
  const command = program
    .command('tag')
    .description('make and check signed device tags, and the keys that sign them')
  command
    .command('issue')
    .description('print the user name that a device logs in with')
    .argument('<user>')
    .argument('<device>')
    .action((user: string, device: string) => issue(context(), user, device))
  tagExportCommand(command, context)
  command
    .command('verify')
    .description('tell whose and which device a tagged user name is')
    .argument('<name>')
    .action((name: string) => verify(context(), name))
  command
    .command('rotate')
    .description('make a new signing key (the first one too); tags of the older keys stay valid')
    .action(() => rotate(context()))
  command
    .command('remove')
    .description('take a key away: tags that it signed are void')
    .argument('<key>', 'its id, as tag keys shows it')
    .option('--reason <text>', 'why; kept with it')
    .option(...CONFIRM)
    .action(async (id: string, options: ReasonOptions) => remove(context(), id, options))
  command
    .command('keys')
    .description('list the keys by id, never the keys themselves')
    .action(() => keys(context()))
}

function issue(context: CommandContext, user: string, device: string): void {
  const name = tagIssuer(context)(user, device)
  tellUnexpected(context, user, device)
  answer(context, { user, device, name }, `${name}\n`)
}

/** Tags are often made before the device is enrolled: a reason to tell, none to refuse. */
function tellUnexpected(context: CommandContext, user: string, device: string): void {
  const record = unlessDamaged(
    () => context.store().device(device),
    (message) => note(context, message),
  )
  if (!record)
    note(context, `device ${device} was never reported: until it is, the policy's "unknown" decides`)
  else if (!record.owners.includes(normaliseUser(user)))
    note(
      context,
      `${user} is not among the owners of ${device} (${record.owners.join(', ') || 'it has none'})`,
    )
}

const PROBLEMS = {
  malformed: 'it is malformed',
  unknown_key: 'no key here has signed it: the key was removed, or it is of another site',
  bad_mac: 'it was not made for this user and device, or was changed',
} as const

function verify(context: CommandContext, name: string): void {
  const reading = createTagReader(keyring(context), context.config().identity.tag.separator).read(name)
  if (reading.status === 'valid') {
    const { deviceId } = reading.claim
    const json = { valid: true, user: reading.user, device: deviceId }
    return answer(context, json, `valid: ${reading.user} on device ${deviceId}\n`)
  }
  const problem = reading.status === 'none' ? 'no_tag' : reading.problem
  if (context.json) context.streams.out(jsonLine({ valid: false, problem }))
  throw new Refusal(
    reading.status === 'none'
      ? 'this user name carries no tag'
      : `the tag is not valid: ${PROBLEMS[reading.problem]}`,
  )
}

function rotate(context: CommandContext): void {
  const { keyFile } = context.config().identity.tag
  let ring: TagKeyring = []
  rewriteSecretFile(keyFile, () => {
    const rotated = rotateKeyring(keyring(context), context.now())
    if (!rotated) throw new Refusal(`${keyFile} has as many keys as it may: remove its last line first`)
    ring = rotated
    return formatKeyring(ring)
  })
  const signing = ring[0]?.id ?? ''
  answer(
    context,
    { signing, keys: ring.length },
    `new tags are signed with key ${signing}; ${ring.length} ${ring.length === 1 ? 'key verifies' : 'keys verify'}\n`,
  )
}

async function remove(context: CommandContext, id: string, options: ReasonOptions): Promise<void> {
  const by = authorship(context, options)
  const isLeft = (key: { readonly id: string }): boolean => key.id !== id
  const ring = keyring(context)
  if (ring.every(isLeft)) throw new Refusal(`there is no key ${printable(id)}: see device-gate tag keys`)
  const left = ring.filter(isLeft).map((key) => key.id)
  // Which key signed a tag is not on record: all that came by any.
  const removal = { id, left, devicesByTag: devicesThatCameBy(context, 'tag').size }
  await orderDesk(context).removeTagKey(removal, by, confirmed(options))
  // Ordered first: an order that is not done can be given again, a key that nobody ordered away is a mystery.
  rewriteSecretFile(context.config().identity.tag.keyFile, () =>
    formatKeyring(keyring(context).filter(isLeft)),
  )
  answer(
    context,
    { removed: id, keys: left },
    `tags under key ${id} are void; ${left.length === 0 ? 'no key verifies' : `${left.length} verify`}\n`,
  )
}

function keys(context: CommandContext): void {
  const ring = keyring(context)
  const list = ring.map(({ id, createdAt }, i) => ({ id, created_at: isoTime(createdAt), signs: i === 0 }))
  const rows = ring.map(({ id, createdAt }, i) => [id, clockTime(createdAt), i === 0 ? 'signs' : 'verifies'])
  answer(context, list, rows.length === 0 ? `${NO_KEY}\n` : table(['id', 'created', 'use'], rows))
}
