import cluster from 'node:cluster'

import { checkHostConfig } from './config/host-config-source'
import { startControlPlane, type ControlPlane } from './control-plane'
import { startDataPlane, type DataPlane } from './data-plane'
import { userProblem, type HarakaServer } from './haraka-user'
import { openControlParts, openWorkerParts, type HostParts } from './host-parts'
import { createLogger, type Logger } from './journal/logger'
import { onProcessEnd } from './process-end'
import { onUnrecognizedCommand } from './smtp/auth-hook'
import { DENY, type Connection, type Next } from './smtp/haraka'
import { onDeny, onMail } from './smtp/message-hooks'

/** What Haraka gives a plugin as `this` at register time. */
interface HarakaPlugin {
  readonly config: { readonly root_path: string }
  register_hook(hook: string, method: string, priority?: number): void
}

interface Running {
  readonly parts: HostParts
  readonly control: ControlPlane | undefined
  readonly data: DataPlane | undefined
}

/**
 * The earliest there is: before the auth plugins (which have priority 0), and before any that answers OK at
 * MAIL FROM and so ends the hook. Plugins of equal priority run in the order of config/plugins.
 */
const FIRST = -100

/** One for each process: Haraka loads a plugin once. */
let running: Running | undefined
let stopping: Promise<void> | undefined

/** A throw here stops Haraka: it must not serve mail without the gate. */
export function register(plugin: HarakaPlugin): void {
  checkHostConfig(harakaDirectory(), cluster.isWorker ? 'worker' : 'control')
  plugin.register_hook('init_master', 'device_gate_init_master')
  plugin.register_hook('init_child', 'device_gate_init_child')
  plugin.register_hook('unrecognized_command', 'device_gate_auth', FIRST)
  plugin.register_hook('mail', 'device_gate_mail', FIRST)
  plugin.register_hook('deny', 'device_gate_deny', FIRST)
}

/** `haraka -c DIR` says where it runs; a server started otherwise runs in its own directory. */
const harakaDirectory = (): string => process.env['HARAKA'] ?? process.cwd()

/** Haraka's master, or its only process: there the data plane runs beside the control plane. */
export function initMaster(next: Next, server: HarakaServer): void {
  const problem = userProblem(server, process.getuid?.())
  if (problem !== undefined) return next(DENY, problem)
  void start('control', server.cluster === undefined).then(() => next(), refuseStart(next))
}

export function initChild(next: Next): void {
  void start('worker', true).then(() => next(), refuseStart(next))
}

async function start(role: 'control' | 'worker', withData: boolean): Promise<void> {
  const logger = createLogger((line) => process.stdout.write(line))
  const { parts, control } = role === 'control' ? await openControl(logger) : openWorker(logger)
  const data = withData ? await startDataPlane(parts) : undefined
  running = { parts, control, data }
  onProcessEnd({ stop: shutdown, flush: () => parts.journal.flushSync() })
}

type Opened = Pick<Running, 'parts' | 'control'>

async function openControl(logger: Logger): Promise<Opened> {
  const parts = openControlParts(harakaDirectory(), logger)
  return { parts, control: await startControlPlane(parts) }
}

const openWorker = (logger: Logger): Opened => ({
  parts: openWorkerParts(harakaDirectory(), logger),
  control: undefined,
})

const refuseStart =
  (next: Next) =>
  (error: unknown): void =>
    next(DENY, error instanceof Error ? error.message : String(error))

export const auth = (next: Next, connection: Connection, params: string[]): void =>
  onUnrecognizedCommand(running?.data?.smtp, next, connection, params)

export const mail = (next: Next, connection: Connection): void =>
  onMail(running?.data?.smtp, next, connection)

/** `params` of this hook: the return code and the message of a refusal, then who gave it. */
export const deny = (next: Next, _connection: Connection, params: readonly unknown[]): void =>
  onDeny(next, params[1])

/** Ends sessions and writes what is still in memory; safe to call twice. Never rejects. */
export function shutdown(): Promise<void> {
  stopping ??= stop().catch((error: unknown) => {
    process.stderr.write(`device-gate: ${String(error)}\n`)
  })
  return stopping
}

/** From now on hooks answer with a temporary refusal: connections may outlive the parts by a while. */
async function stop(): Promise<void> {
  const { parts, control, data } = running ?? {}
  running = undefined
  await data?.close()
  await control?.close()
  await parts?.close()
}
