import { readTagKeyFile } from '../config/tag-key-file'
import { createTagReader, issueTag } from '../identity/device-tag'
import type { TagKeyring } from '../identity/tag-keyring'
import type { CommandContext } from './context'
import { Refusal } from './output'

export const NO_KEY = 'there is no key yet: make one with device-gate tag rotate'

/** All of the keys or none: a damaged file must not be read in part, and never written back. */
export function keyring(context: CommandContext): TagKeyring {
  const { keys: found, problems } = readTagKeyFile(context.config().identity.tag.keyFile)
  if (problems.length > 0) throw new Refusal(problems.join('\n'))
  return found
}

/** Makes the user names that devices log in with, under the newest key. */
export function tagIssuer(context: CommandContext): (user: string, device: string) => string {
  const ring = keyring(context)
  const [key] = ring
  if (!key) throw new Refusal(NO_KEY)
  const { separator } = context.config().identity.tag
  const tags = createTagReader(ring, separator)
  return (user, device) => {
    // eslint-disable-next-line no-control-regex -- no mail client could send such a name
    if (/[\0-\x1f\x7f]/.test(user)) throw new Refusal('a user name has no control characters')
    if (tags.read(user).status !== 'none')
      throw new Refusal(`${user} carries a tag already: give the bare user name`)
    const name = issueTag(key, separator, user, device)
    const back = tags.read(name)
    if (back.status !== 'valid' || back.user !== user || back.claim.deviceId !== device)
      throw new Refusal('no tag can be made of this: user or device id is empty, too long or no Unicode text')
    return name
  }
}
