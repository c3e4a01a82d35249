import fs from 'node:fs'

/**
 * Which of `pids` serves the connection from `clientPort` to `serverPort` of 127.0.0.1, as Linux tells in
 * /proc: that is how a test knows which of Haraka's workers it talks to.
 */
export function connectionOwner(
  clientPort: number,
  serverPort: number,
  pids: readonly number[],
): number | undefined {
  const inode = serverSocketInode(clientPort, serverPort)
  return inode === undefined ? undefined : pids.find((pid) => openSockets(pid).has(inode))
}

const hex = (port: number): string => port.toString(16).toUpperCase().padStart(4, '0')

function serverSocketInode(clientPort: number, serverPort: number): string | undefined {
  for (const line of fs.readFileSync('/proc/net/tcp', 'utf8').split('\n')) {
    const [, local = '', remote = '', , , , , , , inode] = line.trim().split(/\s+/)
    if (local.endsWith(`:${hex(serverPort)}`) && remote.endsWith(`:${hex(clientPort)}`)) return inode
  }
  return undefined
}

function openSockets(pid: number): Set<string> {
  const links = fs.readdirSync(`/proc/${pid}/fd`).map((name) => {
    try {
      return fs.readlinkSync(`/proc/${pid}/fd/${name}`)
    } catch {
      return '' // closed a moment ago
    }
  })
  return new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []))
}
