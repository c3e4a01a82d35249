import fs from 'node:fs'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

import type { EndedSession, SyncAccounts, SyncDevice, SyncReport, SyncTask } from './sync-client'

/** Every read of every connection goes here. */
const readBuffer = Buffer.allocUnsafeSlow(256 * 1024)
/** What a slow session reads at once: little, else the kernel takes in whole messages for it. */
const slowReadBuffer = readBuffer.subarray(0, 32 * 1024)
/** Logins under way at once. */
const LOGINS = 32
/** Of each session but the slow ones, between two messages. */
const REST_MS = 10_000
/** Of a slow session, between two reads: 640 kB a second at most. */
const READ_PAUSE_MS = 50
const LF = 10
const LITERAL = /^\* (\d+) FETCH \(.*\{(\d+)\}$/
const epochNow = (): number => performance.timeOrigin + performance.now()

let messages: readonly Buffer[] = []
let password = ''
let fetching = false
let checkedOctets = 0
let ended: EndedSession[] = []
const sessions = new Map<SyncDevice, Session>()

/** An IMAP client that compares each octet of what it fetches with what it must be. */
class Session {
  #socket: net.Socket | undefined
  /** What came of a line whose end did not. */
  #line = ''
  #expected: Buffer | undefined
  #at = 0
  /** Behind the literal its response still goes on. */
  #within = false
  #bye = false
  #literalFrom = 0
  #literalTo = 0
  #next = 0
  #answered: (line: string) => void = () => undefined

  constructor(private readonly device: SyncDevice) {}

  async open(): Promise<void> {
    const greeting = this.#answer()
    this.#socket = net.connect({
      port: this.device.port,
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer: this.device.slow ? slowReadBuffer : readBuffer,
        callback: (octets) => {
          this.#received(readBuffer.subarray(0, octets))
          if (!this.device.slow) return true
          setTimeout(() => this.#socket?.resume(), READ_PAUSE_MS)
          return false
        },
      },
    })
    this.#socket.on('error', () => undefined).once('close', () => this.#over())
    await greeting
    await this.#command(`a LOGIN ${this.device.login} ${password}`)
    await this.#command('b EXAMINE INBOX')
    if (fetching) void this.fetch()
  }

  /** One message after the other. */
  async fetch(): Promise<void> {
    const { slow } = this.device
    // Not all at once.
    if (!slow) await sleep(Math.random() * REST_MS)
    while (!this.#bye && !this.#socket?.destroyed) {
      this.#next = slow ? messages.length - 1 : (this.#next + 1) % (messages.length - 1)
      await this.#command(`c FETCH ${this.#next + 1} BODY.PEEK[]`)
      if (!slow) await sleep(REST_MS)
    }
  }

  #command(line: string): Promise<void> {
    const answer = this.#answer()
    this.#socket?.write(`${line}\r\n`)
    return answer.then((text) => {
      if (!text.startsWith(`${line.slice(0, 1)} OK `)) fail(`${this.device.id} got "${text}" for ${line}`)
    })
  }

  #answer(): Promise<string> {
    return new Promise((resolve) => (this.#answered = resolve))
  }

  #received(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#expected) {
        at += this.#check(this.#expected, chunk, at)
        continue
      }
      const end = chunk.indexOf(LF, at)
      const text = chunk.toString('latin1', at, end < 0 ? chunk.length : end)
      this.#line += text
      if (end < 0) return
      at = end + 1
      const line = this.#line.replace(/\r$/, '')
      this.#line = ''
      this.#read(line)
    }
  }

  /** Gives how many octets of the chunk belong to the literal. */
  #check(expected: Buffer, chunk: Buffer, at: number): number {
    const octets = Math.min(expected.length - this.#at, chunk.length - at)
    if (expected.compare(chunk, at, at + octets, this.#at, this.#at + octets) !== 0) {
      console.error(
        `sync: ${this.device.id} got other octets than message ${this.#next + 1} has at ${this.#at}`,
      )
      this.#socket?.destroy()
    }
    this.#at += octets
    checkedOctets += octets
    if (this.#at === expected.length) {
      this.#expected = undefined
      this.#literalTo = epochNow()
    }
    return octets
  }

  #read(line: string): void {
    const [, number, size] = LITERAL.exec(line) ?? []
    if (number !== undefined) {
      const expected = messages[Number(number) - 1]
      if (Number(number) !== this.#next + 1 || Number(size) !== expected?.length)
        fail(`${this.device.id} got "${line}" for message ${this.#next + 1}`)
      this.#expected = expected
      this.#within = true
      this.#at = 0
      this.#literalFrom = epochNow()
      this.#literalTo = Infinity
    } else if (line === ')') this.#within = false
    else if (line.startsWith('* BYE ')) this.#bye = !this.#within
    else if (/^(?:[abc] |\* OK \[CAPABILITY)/.test(line)) this.#answered(line)
  }

  #over(): void {
    sessions.delete(this.device)
    const whole = !this.#within && this.#line === ''
    ended.push({
      id: this.device.id,
      at: epochNow(),
      how: whole ? (this.#bye ? 'bye' : 'silent') : 'cut',
      literalFrom: this.#literalFrom,
      literalTo: this.#literalTo,
    })
  }
}

function fail(problem: string): never {
  console.error(`sync: ${problem}`)
  process.exit(1)
}

let devices: readonly SyncDevice[] = []

async function openAll(): Promise<void> {
  const waiting = devices.filter((device) => !sessions.has(device))
  const some = async (): Promise<void> => {
    for (let device = waiting.pop(); device; device = waiting.pop()) {
      const session = new Session(device)
      sessions.set(device, session)
      await session.open()
    }
  }
  await Promise.all(Array.from({ length: LOGINS }, some))
}

async function perform(task: SyncTask): Promise<SyncReport> {
  if (task.kind === 'open') await openAll()
  if (task.kind === 'fetch') {
    fetching = true
    for (const session of sessions.values()) void session.fetch()
  }
  const report = { open: sessions.size, ended, checkedOctets }
  if (task.kind === 'ended') {
    ended = []
    checkedOctets = 0
  }
  return report
}

process.once('message', (start: { accounts: SyncAccounts; devices: readonly SyncDevice[] }) => {
  ;({ devices } = start)
  ;({ password } = start.accounts)
  messages = start.accounts.messages.map((file) => fs.readFileSync(file))
  process.on('message', (task: SyncTask) => {
    void perform(task).then((report) => process.send?.(report))
  })
})
process.on('disconnect', () => process.exit(0))
