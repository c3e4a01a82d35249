import fs from 'node:fs'
import readline from 'node:readline'

const STDOUT = 1

/** Tells the test one line, at once: a process that is killed writes nothing any more. */
export const tell = (...words: readonly (string | number)[]): unknown =>
  fs.writeSync(STDOUT, `${words.join(' ')}\n`)

/** What the test orders, a line each; the end of them is the end of the process. */
export function onOrder(obey: (word: string, rest: string) => void): void {
  readline
    .createInterface({ input: process.stdin })
    .on('line', (line) => {
      const [word = '', ...rest] = line.split(' ')
      obey(word, rest.join(' '))
    })
    .on('close', () => process.exit(0))
}
