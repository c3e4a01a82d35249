import fs from 'node:fs'
import path from 'node:path'

import type { Channel } from './channel'
import {
  expectation,
  parseTranscript,
  PLACEHOLDER,
  type Setting,
  type Step,
  type Transcript,
} from './transcript'

/** What a transcript is played against. */
export interface World {
  /** Regular expressions for what varies, by the name that stands in `{{name}}`. */
  readonly patterns: Readonly<Record<string, string>>
  /** What a placeholder in a line to send stands for, given the texts seen so far: a response to a challenge. */
  compute?(placeholder: string, seen: ReadonlyMap<string, string>): string
  /** `C`: connects to the server under test. `U`: the connection that the server under test made. */
  open(channel: string): Promise<Channel>
  /** A `! text` line: something happens that is no octet. */
  event?(text: string): void | Promise<void>
  close(): void | Promise<void>
}

/** Builds the world that a transcript's `with` lines ask for; throws on a setting it does not know. */
export type Setup = (settings: readonly Setting[], transcript: Transcript) => Promise<World>

/** One `it` for each `*.txt` in `directory`. */
export function describeTranscripts(directory: string, setup: Setup): void {
  for (const name of fs.readdirSync(directory).sort()) {
    if (!name.endsWith('.txt')) continue
    const file = path.join(directory, name)
    const transcript = parseTranscript(fs.readFileSync(file, 'utf8'), name)
    it(`${name}: ${transcript.title}`, () => play(transcript, name, setup))
  }
}

/** Plays a dialogue; rejects with the place and the dialogue so far when something else happens. */
export async function play(transcript: Transcript, file: string, setup: Setup): Promise<void> {
  const world = await setup(transcript.settings, transcript)
  const dialogue = new Dialogue(world)
  try {
    for (const [index, step] of transcript.steps.entries()) {
      await dialogue.step(step, transcript.steps[index + 1]).catch((error: unknown) => {
        throw new Error(`${file}:${step.line}: ${(error as Error).message}\n${dialogue.soFar()}`)
      })
    }
    await dialogue.end().catch((error: unknown) => {
      throw new Error(`${file}: behind the last line: ${(error as Error).message}\n${dialogue.soFar()}`)
    })
  } finally {
    dialogue.destroy()
    await world.close()
  }
}

class Dialogue {
  readonly #channels = new Map<string, Channel>()
  /** Connections whose end was seen or made. */
  readonly #over = new Set<string>()
  readonly #known = new Map<string, string>()
  readonly #seen: string[] = []
  #unsent: Buffer[] = []

  constructor(private readonly world: World) {}

  async step(step: Step, next: Step | undefined): Promise<void> {
    if (step.kind === 'event') {
      if (!this.world.event) throw new Error('nothing can happen here')
      await this.world.event(step.text)
      return
    }
    const channel = await this.#channel(step.channel)
    switch (step.kind) {
      case 'send':
        this.#send(channel, step, next)
        return
      case 'expect':
        return this.#expect(channel, step)
      case 'act':
        if (step.action === 'close' || step.action === 'reset') this.#over.add(step.channel)
        return channel.act(step.action)
      case 'await':
        if (step.action !== 'close') throw new Error(`only "close" can be waited for, not "${step.action}"`)
        this.#over.add(step.channel)
        return channel.closed()
    }
  }

  /** Ends what is still open; anything that comes now was not in the transcript. */
  async end(): Promise<void> {
    const open = [...this.#channels].filter(([name]) => !this.#over.has(name)).map(([, channel]) => channel)
    for (const channel of open) await channel.act('end')
    for (const channel of open) await channel.closed()
  }

  destroy(): void {
    for (const channel of this.#channels.values()) channel.destroy()
  }

  soFar(): string {
    return this.#seen.map((line) => `    ${line}`).join('\n')
  }

  async #channel(name: string): Promise<Channel> {
    const open = this.#channels.get(name)
    if (open) return open
    const channel = await this.world.open(name)
    this.#channels.set(name, channel)
    return channel
  }

  /** Lines of one side in a row go out in one piece, so that "pipelined" means the same each time. */
  #send(channel: Channel, step: Step & { kind: 'send' }, next: Step | undefined): void {
    const text = step.octets.toString('latin1').replace(PLACEHOLDER, (_all, inner: string) => this.#text(inner))
    this.#seen.push(`${step.channel} sends ${JSON.stringify(text).slice(0, 200)}`)
    this.#unsent.push(Buffer.from(text, 'latin1'))
    if (next?.kind === 'send' && next.channel === step.channel) return
    channel.send(Buffer.concat(this.#unsent))
    this.#unsent = []
  }

  #text(placeholder: string): string {
    const text = this.#known.get(placeholder) ?? this.world.compute?.(placeholder, this.#known)
    if (text === undefined) throw new Error(`{{${placeholder}}} is no placeholder here`)
    return text
  }

  async #expect(channel: Channel, step: Step & { kind: 'expect' }): Promise<void> {
    const { pattern, octets } = expectation(step.template, this.world.patterns, this.#known)
    const got = step.wholeLine ? await channel.line() : await channel.octets(octets)
    this.#seen.push(`${step.channel} gets  ${JSON.stringify(got).slice(0, 200)}`)
    const match = pattern.exec(got)
    if (!match) throw new Error(`expected ${step.template}\n  got      ${got}`)
    for (const [name, text] of Object.entries(match.groups ?? {})) this.#known.set(name, text)
  }
}
