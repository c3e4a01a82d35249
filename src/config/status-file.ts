import fs from 'node:fs'
import path from 'node:path'

/** What the control plane says of itself for `device-gate status`. Times are epoch milliseconds. */
export interface HostStatus {
  readonly pid: number
  readonly startedAt: number
  /** Why the files as they are now are not in force; empty when they are. */
  readonly configProblems: readonly string[]
  readonly policyProblems: readonly string[]
  /** Keys whose edit waits for the next start. */
  readonly configWaiting: readonly string[]
  /** Why commands do not reach this process; null when they do. */
  readonly storeProblem: string | null
  /** Where the admin server listens; null: nowhere. */
  readonly adminAddress: string | null
  /** Why it does not, though it should. */
  readonly adminProblem: string | null
  /** Why the keys of OAuth tokens cannot be fetched; null: they can, or none are asked for. */
  readonly oauthProblem: string | null
}

const statusPath = (stateDir: string): string => path.join(stateDir, 'status.json')

export function writeStatus(stateDir: string, status: HostStatus): void {
  fs.mkdirSync(stateDir, { recursive: true, mode: 0o700 })
  const file = statusPath(stateDir)
  fs.writeFileSync(`${file}.new`, JSON.stringify(status), { mode: 0o600 })
  fs.renameSync(`${file}.new`, file)
}

export const removeStatus = (stateDir: string): void => fs.rmSync(statusPath(stateDir), { force: true })

/** The last status, if the process that wrote it is still alive. */
export function readStatus(stateDir: string): HostStatus | undefined {
  try {
    const status = JSON.parse(fs.readFileSync(statusPath(stateDir), 'utf8')) as HostStatus
    return isAlive(status.pid) ? status : undefined
  } catch {
    return undefined
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
