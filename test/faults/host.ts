import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

import { formatDeviceRecord } from '../../src/devices/record'
import { FleetReplica } from '../../src/devices/redis/fleet-replica'
import { CuttableWay } from '../support/cuttable-way'
import { eventually } from '../support/eventually'
import type { Ledger, LostRange } from './ledger'
import { Part } from './part'

/** A mail host as the suite has it: what follows the store, what writes, what decides; and its way to Redis. */
export class Host {
  readonly control: Part
  readonly writer: Part
  readonly decider: Part
  /** What the control process told, but for its problems. */
  told: string[] = []
  /** What it says keeps it from the store now. */
  problem: string | undefined
  /** By device: what was decided last, and when it was last let through, since `beginRun`. */
  readonly outcomes = new Map<string, string>()
  readonly allowedAt = new Map<string, number>()
  #watched: string[] = []
  #paused = false
  #reported = 0
  decisions = 0

  private constructor(
    readonly name: string,
    readonly dir: string,
    readonly way: CuttableWay,
    ledger: Ledger,
    { leaseMs, seed }: { readonly leaseMs: number; readonly seed: number },
  ) {
    const url = `redis://127.0.0.1:${way.port}`
    const lease = String(leaseMs)
    const part = (kind: string, args: readonly string[], onLine: (line: string) => void): Part =>
      new Part(`${kind} of ${name}`, `${kind}-process.ts`, [dir, ...args], onLine)
    this.control = part('control', [url, name, lease], (line) => this.#noteControl(line))
    this.writer = part('writer', [url, name, lease, String(seed)], (line) => {
      if (line === 'paused') this.#paused = true
      else ledger.note(name, line)
    })
    this.decider = part('decider', [lease], (line) => this.#noteDecider(line))
  }

  static async create(
    name: string,
    redisPort: number,
    ledger: Ledger,
    options: { readonly leaseMs: number; readonly seed: number },
  ): Promise<Host> {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), `device-gate-faults-${name}-`))
    return new Host(name, dir, await CuttableWay.to(redisPort), ledger, options)
  }

  get parts(): readonly Part[] {
    return [this.control, this.writer, this.decider]
  }

  async start(): Promise<void> {
    for (const part of this.parts) part.start()
    for (const part of this.parts) await part.untilReady()
  }

  #noteControl(line: string): void {
    if (line === 'well') this.problem = undefined
    else if (line.startsWith('problem: ')) this.problem = line
    else this.told.push(line)
  }

  #noteDecider(line: string): void {
    const [word, id = '', value = ''] = line.split(' ')
    if (word === 'outcome') this.outcomes.set(id, value)
    else if (word === 'allowed') this.allowedAt.set(id, Math.max(Number(value), this.allowedAt.get(id) ?? 0))
    else {
      this.decisions += Number(id)
      this.#reported += 1
    }
  }

  beginRun(): void {
    this.told = []
    this.outcomes.clear()
    this.allowedAt.clear()
    this.#watched = []
  }

  watch(id: string): void {
    this.#watched.push(id)
    this.decider.order('watch', id)
  }

  /** Ends a part, and starts it anew after a while. */
  async killAndStart(part: Part, meanwhile: () => Promise<unknown>): Promise<void> {
    await part.kill()
    if (part === this.control) this.problem = undefined
    await meanwhile()
    part.start()
    await part.untilReady()
    if (part === this.decider) for (const id of this.#watched) part.order('watch', id)
  }

  untilOutcome(id: string, outcome: string): Promise<void> {
    return eventually(() => {
      const found = this.outcomes.get(id)
      if (found !== outcome)
        throw new Error(`${this.name} decides ${found ?? 'nothing'} for ${id}, not ${outcome}`)
    })
  }

  /** Resolves when it says that this kind of problem keeps it from the store. */
  untilProblem(kind: string): Promise<void> {
    return eventually(() => {
      if (!this.problem?.startsWith(`problem: ${kind}: `))
        throw new Error(`${this.name} says ${String(this.problem)}, not ${kind}`)
    })
  }

  untilTold(pattern: RegExp): Promise<string> {
    return eventually(() => {
      const found = this.told.find((line) => pattern.test(line))
      if (found === undefined)
        throw new Error(`${this.name} did not tell ${String(pattern)}: ${this.told.join('; ')}`)
      return found
    })
  }

  /** The writer does what it was ordered, and then nothing more until `resume`. */
  async pause(): Promise<void> {
    this.#paused = false
    this.writer.order('pause')
    await eventually(() => {
      if (!this.#paused) throw new Error(`the writer of ${this.name} does not come to an end`)
    })
  }

  /** The decider tells all it knows, and forgets what it watched. */
  async report(): Promise<void> {
    const before = this.#reported
    this.decider.order('report')
    await eventually(() => {
      if (this.#reported === before) throw new Error(`the decider of ${this.name} does not report`)
    })
  }

  /** The entries that it named as lost, of what was acknowledged before a moment. */
  lostRanges(before: number): LostRange[] {
    return this.told.flatMap((line) => {
      const range = /^lost: .*entries (\d+) to (\d+)/.exec(line)
      return range ? [{ from: Number(range[1]), to: Number(range[2]), before }] : []
    })
  }

  /** What its replica holds now, device id → record as JSON; and up to which entry. */
  async held(): Promise<{ readonly n: number | undefined; readonly devices: Map<string, string> }> {
    const replica = FleetReplica.open(this.dir, { leaseMs: 0 })
    try {
      const devices = replica
        .listDevices({ limit: 100_000 })
        .flatMap((one): [string, string][] =>
          'id' in one ? [[one.id, JSON.stringify(formatDeviceRecord(one))]] : [],
        )
      return { n: replica.cursor()?.n, devices: new Map(devices) }
    } finally {
      await replica.close()
    }
  }

  get crashes(): string[] {
    return this.parts.flatMap(({ crashes }) => crashes)
  }

  async remove(): Promise<void> {
    for (const part of this.parts) await part.kill()
    this.way.end()
    fs.rmSync(this.dir, { recursive: true, force: true })
  }
}
