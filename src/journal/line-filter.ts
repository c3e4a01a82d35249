import fs from 'node:fs'
import { setImmediate as pause } from 'node:timers/promises'

/** Read in one turn of the event loop: some hundred lines. */
const SLICE_OCTETS = 128 * 1024
const LF = 10

/**
 * Copies the lines of `from` into the new file `to` (mode 0600), without those that are gone, and waits until it is on disk.
 * Gives how many are gone. What stands behind the last line end is copied as it is.
 */
export async function copyWithout(
  from: string,
  to: string,
  isGone: (line: string) => boolean,
): Promise<number> {
  const source = fs.openSync(from, 'r')
  const target = fs.openSync(to, 'w', 0o600)
  const slice = Buffer.alloc(SLICE_OCTETS)
  let gone = 0
  let rest = Buffer.alloc(0)
  try {
    for (;;) {
      const octets = fs.readSync(source, slice, 0, SLICE_OCTETS, null)
      if (octets === 0) break
      const text = Buffer.concat([rest, slice.subarray(0, octets)])
      const end = text.lastIndexOf(LF) + 1
      const lines = text.toString('utf8', 0, end).split('\n').slice(0, -1)
      const kept = lines.filter((line) => !isGone(line))
      gone += lines.length - kept.length
      fs.writeFileSync(target, kept.map((line) => `${line}\n`).join(''))
      rest = Buffer.from(text.subarray(end))
      await pause()
    }
    fs.writeFileSync(target, rest)
    fs.fsyncSync(target)
  } finally {
    fs.closeSync(source)
    fs.closeSync(target)
  }
  return gone
}
