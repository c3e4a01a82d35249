import fs from 'node:fs'
import type { Command } from 'commander'

import { createTagReader, issueTag } from '../identity/device-tag'
import { formatKeyring, parseKeyring, rotateKeyring, type TagKeyring } from '../identity/tag-keyring'
import { answer, type CommandContext } from './context'
import { isoTime, Refusal, table } from './output'

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
    .command('keys')
    .description('list the keys by id, never the keys themselves')
    .action(() => keys(context()))
}

function keyring(context: CommandContext): TagKeyring {
  const { keyFile } = context.config().identity.tag
  if (!fs.existsSync(keyFile)) return []
  return parseKeyring(fs.readFileSync(keyFile, 'utf8'), keyFile)
}

function issue(context: CommandContext, user: string, device: string): void {
  const [key] = keyring(context)
  if (!key) throw new Refusal('there is no key yet: make one with device-gate tag rotate')
  const name = issueTag(key, context.config().identity.tag.separator, user, device)
  answer(context, { user, device, name }, `${name}\n`)
}

function verify(context: CommandContext, name: string): void {
  const reading = createTagReader(keyring(context), context.config().identity.tag.separator).read(name)
  switch (reading.status) {
    case 'valid': {
      const { deviceId } = reading.claim
      return answer(
        context,
        { valid: true, user: reading.user, device: deviceId },
        `valid: ${reading.user} on device ${deviceId}\n`,
      )
    }
    case 'none':
      throw new Refusal('this user name carries no tag')
    case 'invalid':
      throw new Refusal(`the tag is not valid (${reading.problem.replace('_', ' ')})`)
  }
}

function rotate(context: CommandContext): void {
  const { keyFile } = context.config().identity.tag
  const keys = rotateKeyring(keyring(context), context.now())
  fs.writeFileSync(`${keyFile}.new`, formatKeyring(keys), { mode: 0o600 })
  fs.renameSync(`${keyFile}.new`, keyFile)
  const id = keys[0]?.id ?? ''
  answer(
    context,
    { signing: id, keys: keys.length },
    `new tags are signed with key ${id}; ${keys.length} keys verify\n`,
  )
}

function keys(context: CommandContext): void {
  const list = keyring(context).map(({ id, createdAt }, i) => ({
    id,
    createdAt: isoTime(createdAt),
    signs: i === 0,
  }))
  answer(
    context,
    list,
    table(
      ['id', 'created', 'use'],
      list.map((key) => [key.id, key.createdAt, key.signs ? 'signs' : 'verifies']),
    ),
  )
}
