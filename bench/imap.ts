/**
 * What the IMAP proxy costs beside nginx's mail proxy and Dovecot's own, in front of the same Dovecot. The
 * upstream and the clients are soon the bottleneck, so work is told for each CPU second of the proxy's
 * processes. Rounds alternate between the proxies, so that a noisy machine is noisy for all of them.
 */
import { quantile } from './figure'
import { printEach, RoundFigures } from './support/round-figures'
import { LoadClient, type LoadResult } from './support/load-client'
import { anonymousOctets, cpuSeconds } from './support/process-usage'
import {
  accounts,
  startDovecotProxy,
  startGate,
  startNginx,
  startUpstream,
  type Target,
} from './support/targets'

const ROUNDS = 5
const ROUND_MS = 4000
const MESSAGES = 20
const MESSAGE_OCTETS = 1024 * 1024
const NOOP_TURNS = 40
const NOOPS_PER_TURN = 100
const IDLE_SESSIONS = 2000
const SETTLE_MS = 3000

async function main(): Promise<void> {
  const upstream = await startUpstream(MESSAGES, MESSAGE_OCTETS)
  const started: Target[] = []
  const load = new LoadClient(accounts)
  try {
    const proxies: Record<string, Target> = {}
    for (const [name, start] of [
      ['gate', (port: number) => startGate(port, 1)],
      ['nginx', startNginx],
      ['dovecot', startDovecotProxy],
    ] as const) {
      const proxy = await start(upstream.port)
      started.push(proxy)
      proxies[name] = proxy
    }
    await measureWork(load, proxies, 'logins', 1, (port) => ({
      kind: 'login',
      port,
      connections: 8,
      durationMs: ROUND_MS,
    }))
    await measureWork(load, proxies, 'MB of FETCH', 1e6, (port) => ({
      kind: 'fetch',
      port,
      connections: 4,
      durationMs: ROUND_MS,
    }))
    await measureNoops(load, proxies, upstream.port)
    await measureIdle(load, proxies)
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
  // The first round warms all of them up.
  for (let round = -1; round < ROUNDS; round += 1) {
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
  const names = Object.keys(proxies)
  const ports = [upstreamPort, ...Object.values(proxies).map(({ port }) => port)]
  const task = { kind: 'noop', ports, turns: NOOP_TURNS, perTurn: NOOPS_PER_TURN } as const
  const { roundTripsUs }: LoadResult = await load.run(task)
  const [direct = [], ...through] = roundTripsUs
  for (const share of [0.5, 0.99]) {
    const added = names.map((name, i): [string, number] => [
      name,
      quantile(through[i] ?? [], share) - quantile(direct, share),
    ])
    const targets = share === 0.99 ? { ratio: { atMost: 1.5 } } : {}
    printEach(`added to a NOOP's round trip, p${share * 100}`, 'µs', new Map(added), targets)
  }
}

/** Private memory for each silent session. */
async function measureIdle(load: LoadClient, proxies: Proxies): Promise<void> {
  const perSession = new Map<string, number>()
  for (const [name, proxy] of Object.entries(proxies)) {
    const memory = (): number => proxy.pids.reduce((sum, pid) => sum + anonymousOctets(pid), 0)
    const before = memory()
    await load.run({ kind: 'hold', port: proxy.port, sessions: IDLE_SESSIONS })
    // No event tells that a collector is done.
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
    perSession.set(name, (memory() - before) / IDLE_SESSIONS / 1024)
    await load.run({ kind: 'release' })
  }
  printEach(`an idle session, at ${IDLE_SESSIONS}`, 'KiB', perSession, { ours: { atMost: 16 } })
}

void main()
