import pino from 'pino'

import { escapeLine } from './line-text'

/** Operator events as JSON lines; fields are chosen one by one, so no secret can come in by accident. */
export interface Logger {
  info(fields: Readonly<Record<string, unknown>>, message: string): void
  warn(fields: Readonly<Record<string, unknown>>, message: string): void
  error(fields: Readonly<Record<string, unknown>>, message: string): void
}

/** Writes to `write`, one line a call. */
export const createLogger = (write: (line: string) => void): Logger =>
  pino(
    { base: { name: 'device-gate', pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime },
    { write: (line: string) => write(escapeLine(line)) },
  )

const FAULT_QUIET_MS = 60_000
/** Different faults told in that time: each record of a broken feed has a message of its own. */
const MAX_FAULTS = 100
const MAX_MESSAGE = 1000

/** Reports faults to the log, the same message at most once a minute: a broken record must not fill a disk. */
export function faultReporter(logger: Logger, now: () => number): (error: unknown) => void {
  const saidAt = new Map<string, number>()
  let untold = 0
  return (error) => {
    const message = (error instanceof Error ? error.message : String(error)).slice(0, MAX_MESSAGE)
    const at = now()
    for (const [said, when] of saidAt) {
      // In the order they were said. A clock that was set back makes all of them old.
      if (at >= when && at - when < FAULT_QUIET_MS) break
      saidAt.delete(said)
    }
    if (saidAt.has(message)) return
    if (saidAt.size >= MAX_FAULTS) {
      untold += 1
      return
    }
    saidAt.set(message, at)
    const fault = error instanceof Error ? error.name : 'unknown'
    logger.error(untold > 0 ? { fault, untold } : { fault }, message)
    untold = 0
  }
}
