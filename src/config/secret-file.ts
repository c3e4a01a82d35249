import fs from 'node:fs'

const OPEN_TO_ALL = 0o007

/** What is wrong with a file of secrets that every user of the host may read, which is then no secret any more. */
export function openToAll(file: string): string[] {
  const mode = (fs.statSync(file, { throwIfNoEntry: false })?.mode ?? 0) & 0o777
  return (mode & OPEN_TO_ALL) === 0
    ? []
    : [`${file} is open to every user of this host (mode ${mode.toString(8)}): chmod 600 it`]
}

/** The file of secrets cannot be written: says why. */
export class SecretFileError extends Error {
  override readonly name = 'SecretFileError'
  readonly code = 'ERR_SECRET_FILE'
}

/**
 * Puts what `textOf` gives in place of the file, whole or not at all. By one at a time: of two changes at once the
 * second would undo the first, so `textOf` has to read the file anew.
 */
export function rewriteSecretFile(named: string, textOf: () => string): void {
  // Behind a symbolic link lies the file to replace.
  const file = fs.existsSync(named) ? fs.realpathSync(named) : named
  const draft = `${file}.new`
  const descriptor = openDraft(draft)
  try {
    fs.writeFileSync(descriptor, textOf())
    keepOwner(descriptor, file)
    fs.fsyncSync(descriptor)
    fs.renameSync(draft, file)
  } catch (error) {
    fs.rmSync(draft, { force: true })
    throw error
  } finally {
    fs.closeSync(descriptor)
  }
}

function openDraft(draft: string): number {
  try {
    return fs.openSync(draft, 'wx', 0o600)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST')
      throw new SecretFileError(
        `${draft} is there: another change is under way, or was cut short; then remove it`,
      )
    throw new SecretFileError(`${draft} cannot be written: ${(error as Error).message}`)
  }
}

/** A change by root must leave the file to the user that Haraka runs as. */
function keepOwner(descriptor: number, file: string): void {
  const former = fs.statSync(file, { throwIfNoEntry: false })
  if (!former || process.getuid?.() !== 0) return
  fs.fchownSync(descriptor, former.uid, former.gid)
  fs.fchmodSync(descriptor, former.mode & 0o770)
}
