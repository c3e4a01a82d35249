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

/** Private memory in RAM: heap, stacks and buffers, without the program's own file. Octets. */
export function anonymousOctets(pid: number): number {
  const kilobytes = /^RssAnon:\s+(\d+) kB$/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]
  if (kilobytes === undefined) throw new Error(`/proc/${pid}/status has no RssAnon`)
  return Number(kilobytes) * 1024
}

/** Children of a process whose program is called `name`. */
export function childrenNamed(pid: number, name: string): number[] {
  const children = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ')
  return children
    .filter((child) => child !== '' && fs.readFileSync(`/proc/${child}/comm`, 'latin1').trim() === name)
    .map(Number)
}
