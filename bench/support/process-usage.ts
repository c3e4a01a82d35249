import fs from 'node:fs'

/** CPU time of a process and all its threads since it began, in seconds; ended threads do not count. */
export function cpuSeconds(pid: number): number {
  let nanoseconds = 0
  for (const task of fs.readdirSync(`/proc/${pid}/task`)) {
    const [running = '0'] = fs.readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'latin1').split(' ')
    nanoseconds += Number(running)
  }
  return nanoseconds / 1e9
}
