import type { Channel } from './channel'
import type { Setup, World } from './play'
import { expectation, PLACEHOLDER, type Step, type Transcript } from './transcript'

/**
 * Where nothing comes that a dialogue waits for, its client goes on after so long, or after a multiple of what came last
 * of all: on a busy machine everything comes late.
 */
const PATIENCE_MS = 400
const PATIENCE_TIMES = 8
const MAX_PATIENCE_MS = 4000

/**
 * Plays what the sides of a dialogue but the gate say, whatever the gate says, and gives all octets that each client
 * was sent: to compare one gate with another.
 */
export async function heardBy(transcript: Transcript, setup: Setup): Promise<Record<string, string>> {
  const world = await setup(transcript.settings, transcript)
  const replay = new Replay(world)
  try {
    for (const [index, step] of transcript.steps.entries())
      await replay.step(step, transcript.steps[index + 1])
    return await replay.end()
  } finally {
    replay.destroy()
    await world.close()
  }
}

class Replay {
  readonly #channels = new Map<string, Channel>()
  readonly #known = new Map<string, string>()
  #unsent: Buffer[] = []
  #patienceMs = PATIENCE_MS

  constructor(private readonly world: World) {}

  async step(step: Step, next: Step | undefined): Promise<void> {
    if (step.kind === 'event') return this.world.event?.(step.text)
    const channel = await this.#channel(step.channel)
    // A connection of the upstream that the gate did not make.
    if (!channel) return
    if (step.kind === 'send') this.#send(channel, step, next)
    else if (step.kind === 'act') await this.#inTime(channel.act(step.action))
    else if (step.kind === 'await') await this.#inTime(channel.closed())
    else await this.#inTime(this.#expect(channel, step))
  }

  async end(): Promise<Record<string, string>> {
    const clients = [...this.#channels].filter(([name]) => name.startsWith('C'))
    for (const [, channel] of this.#channels) await this.#inTime(channel.act('end'))
    for (const [, channel] of clients) await this.#inTime(channel.ended())
    return Object.fromEntries(clients.map(([name, channel]) => [name, channel.heard.toString('latin1')]))
  }

  destroy(): void {
    for (const channel of this.#channels.values()) channel.destroy()
  }

  async #channel(name: string): Promise<Channel | undefined> {
    const open = this.#channels.get(name)
    if (open) return open
    const channel = await this.#inTime(this.world.open(name))
    if (channel) this.#channels.set(name, channel)
    return channel
  }

  #send(channel: Channel, step: Step & { kind: 'send' }, next: Step | undefined): void {
    const text = step.octets.toString('latin1').replace(PLACEHOLDER, (_all, inner: string) => this.#text(inner))
    this.#unsent.push(Buffer.from(text, 'latin1'))
    if (next?.kind === 'send' && next.channel === step.channel) return
    channel.send(Buffer.concat(this.#unsent))
    this.#unsent = []
  }

  #text(placeholder: string): string {
    return this.#known.get(placeholder) ?? this.world.compute?.(placeholder, this.#known) ?? placeholder
  }

  async #expect(channel: Channel, step: Step & { kind: 'expect' }): Promise<void> {
    const { pattern, octets } = expectation(step.template, this.world.patterns, this.#known)
    const got = step.wholeLine ? await channel.line() : await channel.octets(octets)
    for (const [name, text] of Object.entries(pattern.exec(got)?.groups ?? {})) this.#known.set(name, text)
  }

  /** undefined: it did not come to it, in time or at all. */
  async #inTime<T>(work: Promise<T>): Promise<T | undefined> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), this.#patienceMs)
    })
    const since = performance.now()
    const inTime = work.then((done) => {
      const neededMs = PATIENCE_TIMES * (performance.now() - since)
      this.#patienceMs = Math.min(MAX_PATIENCE_MS, Math.max(this.#patienceMs, neededMs))
      return done
    })
    try {
      return await Promise.race([inTime.catch(() => undefined), late])
    } finally {
      clearTimeout(timer)
    }
  }
}
