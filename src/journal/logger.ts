import pino from 'pino'

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
    { write },
  )

const FAULT_QUIET_MS = 60_000
const MAX_FAULTS_KNOWN = 1000

/** Reports faults to the log, the same message at most once a minute: a broken record must not fill a disk. */
export function faultReporter(logger: Logger, now: () => number): (error: unknown) => void {
  const lastSaid = new Map<string, number>()
  return (error) => {
    const message = error instanceof Error ? error.message : String(error)
    const at = now()
    if (at - (lastSaid.get(message) ?? -Infinity) < FAULT_QUIET_MS) return
    if (lastSaid.size >= MAX_FAULTS_KNOWN) lastSaid.clear()
    lastSaid.set(message, at)
    logger.error({ fault: error instanceof Error ? error.name : 'unknown' }, message)
  }
}
