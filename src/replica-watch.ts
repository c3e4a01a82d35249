import { identityOf } from './lmdb/data-file'

const PRESENCE_MS = 1000

/**
 * Looks each second whether the replica in `dir` is still the one that was opened. A deleted one goes on in memory,
 * and so do its blocks; but the command line opens another one. `onGone` is told why commands do not reach the gate.
 */
export function watchReplica(dir: string, onGone: (problem: string) => void): NodeJS.Timeout {
  const opened = identityOf(dir)
  const look = (): void => {
    if (identityOf(dir) === opened) return
    onGone(
      `${dir} was deleted or replaced under the running gate, which goes on with what it held: ` +
        'commands do not reach it until Haraka is restarted',
    )
  }
  return setInterval(look, PRESENCE_MS).unref()
}
