/**
 * What the journal costs those who decide, and how soon it answers. Blocks are decided by a process of its own, as
 * another worker of the same Haraka, and written in every other round, in which the master writes the block log and the index
 * meanwhile. Run by `npm run bench:journal`.
 */
import { execFileSync, fork } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'

import { FleetJournal } from '../src/devices/redis/fleet-journal'
import { storeKeys } from '../src/devices/redis/keys'
import { RedisLink } from '../src/devices/redis/link'
import { Indexer } from '../src/journal/indexer'
import type { JournalQuery } from '../src/journal/journal'
import { JournalStore } from '../src/journal/journal-store'
import { FleetBlocks } from '../src/lookup/blocks-source'
import { redisTarget } from '../test/devices/redis/fleet-host'
import { RedisServer } from '../test/support/redis-server'
import { median, printFigure, quantile } from './figure'
import { entryOf, fillJournal } from './support/large-journal'
import { accounts, startGate, startUpstream } from './support/targets'

const FLEET_ENTRIES = 250_000
const ENTRIES = Number(process.env['ENTRIES'] ?? 10_000_000)
const DAY_MS = 86_400_000
const SPAN_MS = 80 * DAY_MS
const WARM_TIMES = 21
const COLD_TIMES = 3
const PAGE = 50
const READS = 100
const PAGE_OCTETS = 4096

const ROUNDS = Number(process.env['ROUNDS'] ?? 15)
const WARM_UP_ROUNDS = 2
/** Sixty seconds of blocks in all. */
const ROUND_MS = 4000
const LOGINS_AT_ONCE = 4

async function main(): Promise<void> {
  await measureLoad()
  await measurePages()
  await measureFleetPages()
}

const figure = (name: string, value: number, unit: string, more: object = {}): void =>
  printFigure({ bench: 'journal', figure: name, value, unit, ...more })

async function measurePages(): Promise<void> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'device-gate-journal-'))
  try {
    const end = Date.now()
    await fillJournal(dir, ENTRIES, SPAN_MS, end)
    await buildIndex(dir)
    const middle = entryOf(Math.floor(ENTRIES / 2), SPAN_MS, ENTRIES, end)
    const { user, device, decision } = middle
    const range = { sinceMs: middle.time, untilMs: middle.time + 3_600_000 }
    figure('a page of the file read at random, nothing in memory', randomReadMs(journalFile(dir)), 'ms')
    const queries: Readonly<Record<string, Omit<JournalQuery, 'limit'>>> = {
      'no filter': {},
      'a user': { user },
      'a user who is not there': { user: 'nobody@example.com' },
      'a device': { ...(device !== null && { device }) },
      'a decision': { decision },
      'a common reason': { reason: 'noncompliant' },
      'a reason of one in a million': { reason: 'fault_open' },
      'a mandate': { rule: 'mandate-8' },
      'an hour forty days ago': range,
      'a user, a reason and a month': { user, reason: middle.reason, sinceMs: middle.time, untilMs: end },
      'facts that never occur together': { reason: 'mandate_warning', outcome: 'block', protocol: 'smtp' },
    }
    for (const [name, query] of Object.entries(queries)) {
      const warm = await ask(dir, query, WARM_TIMES)
      const colds: number[] = []
      for (let i = 0; i < COLD_TIMES; i += 1) {
        forgetCache(journalFile(dir))
        colds.push(...(await ask(dir, query, 1)).took)
      }
      const context = { found: warm.found, whole: String(warm.isWhole) }
      const target = { atMost: 100 }
      figure(`page of ${PAGE} by ${name}, p95`, quantile(warm.took, 0.95), 'ms', { target, context })
      figure(`page of ${PAGE} by ${name}, nothing in memory`, median(colds), 'ms')
    }
  } finally {
    fs.rmSync(dir, { recursive: true, force: true })
  }
}

/** As many entries as the fleet's stream holds, of which Redis itself tells what is wanted. */
async function measureFleetPages(): Promise<void> {
  const redis = await RedisServer.start()
  const link = new RedisLink(redisTarget(redis.url), 'bench')
  try {
    const journal = new FleetJournal(link, storeKeys('bench:'), 'mx1')
    const [end, batch] = [Date.now(), 1000]
    for (let number = 0; number < FLEET_ENTRIES; number += batch) {
      const texts = Array.from({ length: batch }, (_, i) =>
        JSON.stringify(entryOf(number + i + 1, SPAN_MS, FLEET_ENTRIES, end)),
      )
      await journal.append({ journalId: 'j', after: number || null, upTo: number + batch, lost: 0, texts })
    }
    const blocks = new FleetBlocks(journal)
    for (const [name, query] of [
      ['no filter', {}],
      ['a common reason', { reason: 'noncompliant' }],
      ['a user who is not there', { user: 'nobody@example.com' }],
    ] as const) {
      const took: number[] = []
      for (let i = 0; i < WARM_TIMES; i += 1) {
        const started = performance.now()
        await blocks.page({ ...query, limit: PAGE }, null)
        took.push(performance.now() - started)
      }
      figure(`a fleet's page of ${PAGE} by ${name}, p95`, quantile(took, 0.95), 'ms')
    }
    const started = performance.now()
    await blocks.query({ decision: 'NOTTHERE', limit: 5 })
    figure('a decision looked for in all of a fleet', performance.now() - started, 'ms', {
      context: { entries: FLEET_ENTRIES },
    })
  } finally {
    link.close()
    await redis.remove()
  }
}

async function buildIndex(dir: string): Promise<void> {
  const before = fs.statSync(journalFile(dir)).size
  const journal = JournalStore.open(dir, {
    now: Date.now,
    onFault: console.error,
    limits: () => ({ maxEntries: ENTRIES, maxAgeMs: 365 * DAY_MS }),
  })
  const indexer = new Indexer(journal, console.error)
  const [started, cpu] = [performance.now(), process.cpuUsage()]
  await indexer.takeIn()
  const seconds = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(cpu)
  figure('index of a journal that was there', ENTRIES / seconds, 'entries/s', {
    context: { perCpuSecond: Math.round((ENTRIES / (user + system)) * 1e6), seconds: Math.round(seconds) },
  })
  await indexer.close()
  await journal.close()
  const after = fs.statSync(journalFile(dir)).size
  figure('disk for an entry', before / ENTRIES, 'octets')
  figure('disk for what the index has of it', (after - before) / ENTRIES, 'octets')
}

/** In a process of its own, which has nothing in its memory. */
function ask(
  dir: string,
  query: Omit<JournalQuery, 'limit'>,
  times: number,
): Promise<{ took: number[]; found: number; isWhole: boolean }> {
  return new Promise((resolve, reject) => {
    const argv = [dir, JSON.stringify({ ...query, limit: PAGE }), String(times)]
    const child = fork(path.join(__dirname, 'support', 'page-process.ts'), argv, { silent: true })
    let out = ''
    child.stdout?.on('data', (text: Buffer) => (out += text.toString()))
    child.on('exit', (code) => {
      if (code === 0) resolve(JSON.parse(out) as { took: number[]; found: number; isWhole: boolean })
      else reject(new Error(`a page process ended with ${String(code)}`))
    })
  })
}

const journalFile = (dir: string): string => path.join(dir, 'journal', 'data.mdb')

/** What the disk of this machine takes for it; a page that nothing is in memory of takes some hundred of them. */
function randomReadMs(file: string): number {
  forgetCache(file)
  const descriptor = fs.openSync(file, 'r')
  const pages = Math.floor(fs.fstatSync(descriptor).size / PAGE_OCTETS)
  const took = Array.from({ length: READS }, () => {
    const place = Math.floor(Math.random() * pages) * PAGE_OCTETS
    const started = performance.now()
    fs.readSync(descriptor, Buffer.alloc(PAGE_OCTETS), 0, PAGE_OCTETS, place)
    return performance.now() - started
  })
  fs.closeSync(descriptor)
  return median(took)
}

/** Asks the system to drop what it has of the file. */
function forgetCache(file: string): void {
  execFileSync('sync', ['-d', file])
  execFileSync('dd', [`if=${file}`, 'iflag=nocache', 'count=0', 'status=none'])
}

async function measureLoad(): Promise<void> {
  const upstream = await startUpstream(0, 0)
  const gate = await startGate(upstream.port, 1)
  const writer = fork(path.join(__dirname, 'support', 'block-writer.ts'), [
    gate.stateDir,
    String(accounts.users.length),
  ])
  try {
    const decisions: Record<'with' | 'without', number[]> = { with: [], without: [] }
    const logins: Record<'with' | 'without', number[]> = { with: [], without: [] }
    const ratios: { decision: number; login: number }[] = []
    let written = 0
    for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round += 1) {
      const pair: Partial<Record<'with' | 'without', { decision: number; login: number }>> = {}
      const order = round % 2 === 0 ? (['with', 'without'] as const) : (['without', 'with'] as const)
      for (const kind of order) {
        const done = new Promise<{ p99: number; written: number }>((resolve) =>
          writer.once('message', (message) => resolve(message as { p99: number; written: number })),
        )
        writer.send({ durationMs: ROUND_MS, blocks: kind === 'with' })
        const times = await loginTimes(gate.port, ROUND_MS)
        const { p99, written: count } = await done
        pair[kind] = { decision: p99, login: quantile(times, 0.99) }
        if (round >= 0 && kind === 'with') written += count
        if (round >= 0) {
          decisions[kind].push(p99)
          logins[kind].push(pair[kind].login)
        }
      }
      if (round >= 0 && pair.with && pair.without)
        ratios.push({
          decision: pair.with.decision / pair.without.decision,
          login: pair.with.login / pair.without.login,
        })
    }
    figure('blocks written', written / ((ROUNDS * ROUND_MS) / 1000), 'per second', {
      target: { atLeast: 1900 },
    })
    for (const kind of ['without', 'with'] as const) {
      figure(`p99 of a decision, ${kind} blocks`, median(decisions[kind]), 'µs')
      figure(`p99 of a login, ${kind} blocks`, median(logins[kind]), 'ms')
    }
    for (const what of ['decision', 'login'] as const) {
      const all = ratios.map((one) => one[what])
      figure(`p99 of a ${what}, with ÷ without`, median(all), 'ratio', {
        target: { atMost: 1.05 },
        context: { rounds: all.length, lower: quantile(all, 0.25), upper: quantile(all, 0.75) },
      })
    }
  } finally {
    writer.disconnect()
    await gate.remove()
    await upstream.remove()
  }
}

/** A few clients log in and out, one after the other each; milliseconds from LOGIN to its answer. */
async function loginTimes(port: number, durationMs: number): Promise<number[]> {
  const times: number[] = []
  const end = performance.now() + durationMs
  await Promise.all(
    Array.from({ length: LOGINS_AT_ONCE }, async (_, i) => {
      for (let n = i; performance.now() < end; n += LOGINS_AT_ONCE)
        times.push(await login(port, accounts.users[n % accounts.users.length] ?? ''))
    }),
  )
  return times
}

function login(port: number, user: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
    let asked = 0
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      if (!text.endsWith('\r\n')) return
      if (asked === 0) {
        text = ''
        asked = performance.now()
        socket.write(`a LOGIN ${user} ${accounts.password}\r\n`)
      } else if (/(^|\r\n)a OK /.test(text)) {
        resolve(performance.now() - asked)
        socket.end('z LOGOUT\r\n')
      } else if (/(^|\r\n)a (NO|BAD) /.test(text)) reject(new Error(text))
    })
    socket.on('error', reject)
    socket.on('close', () => reject(new Error(`closed after ${text}`)))
  })
}

void main()
