import { WatchedProcess } from './process'

/** Runs a TypeScript file as a process of its own: what it does to itself does not end the test. */
export const runScript = (file: string, ...args: readonly string[]): WatchedProcess =>
  new WatchedProcess(process.execPath, ['-r', 'tsx/cjs', file, ...args])

/** As `runScript`, on a disk that no file may grow larger on than `fileKiB`; `giveRoom` lifts that. */
export const runScriptOnSmallDisk = (
  fileKiB: number,
  file: string,
  ...args: readonly string[]
): WatchedProcess =>
  new WatchedProcess('bash', [
    '-c',
    `ulimit -S -f ${fileKiB} && exec "$0" "$@"`,
    process.execPath,
    '-r',
    'tsx/cjs',
    file,
    ...args,
  ])
