/**
 * What the IMAP proxy costs beside nginx's mail proxy and Dovecot's own, in front of the same Dovecot. The
 * upstream and the clients are soon the bottleneck, so work is told for each CPU second of the proxy's
 * processes. Rounds alternate between the proxies, so that a noisy machine is noisy for all of them.
 *
 * One worker each: nginx's one worker process, Dovecot's one login process with its auth process, and Haraka with
 * `nodes=0`, whose one process is all there is. With `nodes=1` Haraka's master accepts each connection and hands it
 * to its worker; both are counted, and the logins of that are told for information.
 */
import { median, quantile } from './figure'
import { printEach, RoundFigures } from './support/round-figures'
import { LoadClient } from './support/load-client'
import { anonymousOctets, cpuSeconds } from './support/process-usage'
import {
  accounts,
  startDovecotProxy,
  startGate,
  startNginx,
  startUpstream,
  type Target,
} from './support/targets'

const ROUNDS = 7
/** Not told: code is compiled in them, and memory grows to what the load needs. */
const WARM_UP_ROUNDS = 2
const ROUND_MS = 4000
const MESSAGES = 20
const MESSAGE_OCTETS = 1024 * 1024
/** In each round, at each port in turn. */
const NOOP_TURNS = 40
const NOOPS_PER_TURN = 100
const IDLE_SESSIONS = 2000
/** Enough that nothing is done for the first time when memory is measured. */
const WARM_UP_SESSIONS = 200
const SETTLE_MS = 2000
/** As many as keep a proxy busy: a turn of its event loop then serves several. */
const LOGIN_CONNECTIONS = 48

async function main(): Promise<void> {
  const upstream = await startUpstream(MESSAGES, MESSAGE_OCTETS)
  const started: Target[] = []
  const load = new LoadClient(accounts)
  try {
    const start = async (one: (port: number) => Promise<Target>): Promise<Target> => {
      const proxy = await one(upstream.port)
      started.push(proxy)
      return proxy
    }
    const proxies = {
      gate: await start((port) => startGate(port, 0)),
      nginx: await start(startNginx),
      dovecot: await start(startDovecotProxy),
    }
    // First: a process that worked keeps memory, and would take new sessions into it.
    await measureIdle(load, proxies)
    const cluster = await start((port) => startGate(port, 1))
    await measureWork(load, { ...proxies, 'gate with nodes=1': cluster }, 'logins', 1, (port) => ({
      kind: 'login',
      port,
      connections: LOGIN_CONNECTIONS,
      durationMs: ROUND_MS,
    }))
    await measureWork(load, proxies, 'MB of FETCH', 1e6, (port) => ({
      kind: 'fetch',
      port,
      connections: 4,
      durationMs: ROUND_MS,
    }))
    await measureNoops(load, proxies, upstream.port)
  } finally {
    load.stop()
    for (const proxy of started) await proxy.remove()
    await upstream.remove()
  }
}

type Proxies = Readonly<Record<string, Target>>
const cpuOf = ({ pids }: Target): number => pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0)

/** Work for each CPU second of the proxy, and for each second of the clock. */
async function measureWork(
  load: LoadClient,
  proxies: Proxies,
  unit: string,
  divisor: number,
  task: (port: number) => Parameters<LoadClient['run']>[0],
): Promise<void> {
  const figures = new RoundFigures(unit)
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round += 1) {
    for (const [name, proxy] of Object.entries(proxies)) {
      const before = cpuOf(proxy)
      const { done, seconds } = await load.run(task(proxy.port))
      const cpu = cpuOf(proxy) - before
      if (round >= 0) figures.add(name, done / divisor / cpu, done / divisor / seconds)
    }
  }
  figures.print({ atLeast: unit === 'logins' ? 0.8 : 0.75 })
}

/** What the way through a proxy adds to a round trip to the upstream itself. */
async function measureNoops(load: LoadClient, proxies: Proxies, upstreamPort: number): Promise<void> {
  const ports = [upstreamPort, ...Object.values(proxies).map(({ port }) => port)]
  const task = { kind: 'noop', ports, turns: NOOP_TURNS, perTurn: NOOPS_PER_TURN } as const
  const rounds: (readonly (readonly number[])[])[] = []
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round += 1) {
    const { roundTripsUs } = await load.run(task)
    if (round >= 0) rounds.push(roundTripsUs)
  }
  for (const share of [0.5, 0.99]) {
    // The median of rounds: one that others on the machine held up tells nothing of a proxy.
    const added = Object.keys(proxies).map((name, i): [string, number] => [
      name,
      median(
        rounds.map(
          ([direct = [], ...through]) => quantile(through[i] ?? [], share) - quantile(direct, share),
        ),
      ),
    ])
    const targets = share === 0.99 ? { ratio: { atMost: 1.5 } } : {}
    printEach(`added to a NOOP's round trip, p${share * 100}`, 'µs', new Map(added), targets)
  }
}

/** Private memory for each silent session. */
async function measureIdle(load: LoadClient, proxies: Proxies): Promise<void> {
  const perSession = new Map<string, number>()
  for (const [name, proxy] of Object.entries(proxies)) {
    await load.run({ kind: 'hold', port: proxy.port, sessions: WARM_UP_SESSIONS })
    await load.run({ kind: 'release' })
    const before = await settledOctets(proxy)
    await load.run({ kind: 'hold', port: proxy.port, sessions: IDLE_SESSIONS })
    perSession.set(name, ((await settledOctets(proxy)) - before) / IDLE_SESSIONS / 1024)
    await load.run({ kind: 'release' })
  }
  printEach(`an idle session, at ${IDLE_SESSIONS}`, 'KiB', perSession, { ours: { atMost: 16 } })
}

/** No event tells that a session's end was taken in; and V8 gives memory back in several collections. */
async function settledOctets(proxy: Target): Promise<number> {
  for (const ask of [proxy.collect, proxy.collect, proxy.collect, undefined]) {
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
    ask?.()
  }
  return proxy.pids.reduce((sum, pid) => sum + anonymousOctets(pid), 0)
}

void main()
