import { SingleBar } from 'cli-progress'
import { Option, type Command } from 'commander'

import type { Fleet } from '../devices/redis/fleet'
import type { Filled } from '../devices/redis/fill-store'
import { openFleet } from '../devices/redis/open-fleet'
import { answer, note, type CommandContext } from './context'
import { facts, Refusal } from './output'

type StoreKind = 'redis' | 'embedded'

export function storeCommand(program: Command, context: () => CommandContext): void {
  const command = program
    .command('store')
    .description("move the site's data to another store, or bring it back")
  command
    .command('migrate')
    .description("copy this host's data: into an empty Redis, or out of the fleet for this host alone")
    .addOption(
      new Option('--to <kind>', 'where to').choices(['redis', 'embedded'] as const).makeOptionMandatory(),
    )
    .action(async ({ to }: { to: StoreKind }) =>
      to === 'redis' ? toRedis(context()) : toEmbedded(context()),
    )
  command
    .command('restore')
    .description("bring a Redis that lost its data back, from this host's copy")
    .action(async () => restore(context()))
}

async function toRedis(context: CommandContext): Promise<void> {
  const config = context.config()
  if (config.store.kind === 'redis')
    throw new Refusal('store.kind is redis already; to bring back what it lost: device-gate store restore')
  const fleet = openFleet(config, { alone: true })
  try {
    const filled = await fill(context, fleet)
    answer(
      context,
      { ...filledJson(filled), store: fleet.place },
      filledText(filled, fleet.place) +
        'now set store.kind: redis and policy.source: fleet in device_gate.yaml, and restart Haraka\n',
    )
  } finally {
    await fleet.close()
  }
}

async function restore(context: CommandContext): Promise<void> {
  const fleet = context.fleet()
  if (!fleet) throw new Refusal('store.kind is embedded: there is no Redis to bring back')
  const filled = await fill(context, fleet)
  answer(context, { ...filledJson(filled), store: fleet.place }, filledText(filled, fleet.place))
}

async function fill(context: CommandContext, fleet: Fleet): Promise<Filled> {
  const { devices, policies } = fleet.store.counts()
  if (devices + policies === 0)
    throw new Refusal('this host holds no data to bring back: try another host of the fleet')
  const bar = context.streams.interactive
    ? new SingleBar({ stream: process.stderr, format: 'copying {bar} {percentage}% {value} devices' })
    : undefined
  bar?.start(devices, 0)
  try {
    return await fleet.fill((done, of) => {
      bar?.setTotal(of)
      bar?.update(done)
    })
  } finally {
    bar?.stop()
  }
}

const filledJson = ({ devices, policies, overrides, unreadable, resumed }: Filled): object => ({
  devices,
  policies,
  overrides,
  unreadable,
  resumed,
})

const filledText = ({ devices, policies, overrides, unreadable, resumed }: Filled, place: string): string =>
  facts([
    ['store', place],
    ['devices', `${devices}, as many as here`],
    ['policies', policies],
    ['exemptions and locks', overrides],
    ...(resumed ? [['resumed', 'an earlier copy was gone on with'] as const] : []),
    ...unreadable.map((message) => ['NOT COPIED', message] as const),
  ])

/** This host's copy of the fleet's store is what an embedded store is: it has to be whole, no more. */
async function toEmbedded(context: CommandContext): Promise<void> {
  const fleet = context.fleet()
  if (!fleet) throw new Refusal('store.kind is embedded already')
  const { problem, here, there } = await fleet.compare()
  if (problem !== null) throw new Refusal(`this host's copy is not whole: ${problem}`)
  if (context.store().activePolicy() === undefined) note(context, 'the store has no policy yet')
  answer(
    context,
    { devices: here, in_redis: there },
    facts([['devices', `${here}, as many as in Redis`]]) +
      'now set store.kind: embedded in device_gate.yaml, and restart Haraka; the other hosts go on as a fleet\n',
  )
}
