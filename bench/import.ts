/**
 * Imports device files of several sizes, each in a process of its own, into an empty store, and prints how
 * fast that was, how much memory the process took for itself, and what a device takes on disk.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { finished } from 'node:stream/promises'

import { importDevices, type ImportFormat } from '../src/devices/import'
import { LmdbStore } from '../src/devices/lmdb-store'
import { formatDeviceRecord, RECORD_KEYS } from '../src/devices/record'
import type { DeviceRecord } from '../src/policy/device'
import { printFigure } from './figure'
import { deviceOf } from './support/sample-devices'

const BENCH = 'import'
const READ_OCTETS = 1024 * 1024
const MIB = 1024 * 1024
const SIZES = [100_000, 1_000_000]
/** What the process may take for 900,000 more devices: the set of their ids (12 octets a slot, twice while it grows), and slack for the heap. */
const MAX_GROWTH_MIB = 64

interface Run {
  readonly seconds: number
  /** Of the process, on all its threads. */
  readonly cpuSeconds: number
  /** RssAnon: the process's own memory, at its peak beyond what it had before it began. */
  readonly ownMib: number
  /** VmHWM: that, the program itself, and the pages of the store that were in memory as it was mapped. */
  readonly peakRssMib: number
  readonly applied: number
  readonly unchanged: number
}

async function main(): Promise<void> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'device-gate-bench-'))
  try {
    const own = new Map<number, number>()
    for (const count of SIZES) own.set(count, await measureNdjson(dir, count))
    const [few = 0, many = 0] = SIZES.map((count) => own.get(count) ?? NaN)
    printFigure({
      bench: BENCH,
      figure: 'own memory for 900,000 devices more',
      value: many - few,
      unit: 'MiB',
      target: { atMost: MAX_GROWTH_MIB },
    })
    const csv = await writeFile(dir, 'csv', SIZES[0] ?? 0)
    await measure('csv', csv, fs.mkdtempSync(path.join(dir, 'store-')), SIZES[0] ?? 0)
  } finally {
    fs.rmSync(dir, { recursive: true })
  }
}

/** Imports `count` devices into an empty store, then the same file again; gives the memory of the first. */
async function measureNdjson(dir: string, count: number): Promise<number> {
  const file = await writeFile(dir, 'ndjson', count)
  const stateDir = fs.mkdtempSync(path.join(dir, 'store-'))
  const { ownMib } = await measure('ndjson', file, stateDir, count)
  printFigure({
    bench: BENCH,
    figure: `disk a device, of ${count}`,
    value: fs.statSync(path.join(stateDir, 'replica', 'data.mdb')).size / count,
    unit: 'octets',
    context: { 'octets of a line': Math.round(fs.statSync(file).size / count) },
  })
  await measure('ndjson again', file, stateDir, count)
  fs.rmSync(stateDir, { recursive: true })
  fs.rmSync(file)
  return ownMib
}

async function measure(what: string, file: string, stateDir: string, count: number): Promise<Run> {
  const child = fork(__filename, [RUN, file, stateDir], { execArgv: ['-r', 'tsx/cjs'] })
  const [run] = (await once(child, 'message')) as [Run]
  await once(child, 'close')
  const { applied, unchanged } = run
  const about = { bench: BENCH, context: { applied, unchanged } }
  const per = `${what}, ${count} devices`
  printFigure({ ...about, figure: per, value: count / run.seconds, unit: 'devices/s' })
  printFigure({ ...about, figure: per, value: count / run.cpuSeconds, unit: 'devices/CPU s' })
  printFigure({ ...about, figure: `own memory, ${per}`, value: run.ownMib, unit: 'MiB' })
  printFigure({ ...about, figure: `peak RSS, ${per}`, value: run.peakRssMib, unit: 'MiB' })
  return run
}

/** In the child: one import, as the command line does it. */
const RUN = '--run'
async function run(file: string, stateDir: string): Promise<void> {
  const store = LmdbStore.open(stateDir)
  const before = memory('RssAnon')
  let peak = before
  const start = performance.now()
  const startCpu = process.cpuUsage()
  const { applied, unchanged } = await importDevices(
    () => fs.createReadStream(file, { highWaterMark: READ_OCTETS }),
    file.endsWith('.csv') ? 'csv' : 'ndjson',
    (records) => store.putDevices(records),
    { onProgress: () => (peak = Math.max(peak, memory('RssAnon'))) },
  )
  const seconds = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(startCpu)
  await store.close()
  const cpuSeconds = (user + system) / 1e6
  const done: Run = {
    seconds,
    cpuSeconds,
    ownMib: peak - before,
    peakRssMib: memory('VmHWM'),
    applied,
    unchanged,
  }
  process.send?.(done)
}

/** A line of /proc/self/status, which counts in KiB, in MiB. */
function memory(name: 'RssAnon' | 'VmHWM'): number {
  const status = fs.readFileSync('/proc/self/status', 'utf8')
  const kib = Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1])
  return (kib * 1024) / MIB
}

async function writeFile(dir: string, format: ImportFormat, count: number): Promise<string> {
  const file = path.join(dir, `${count}.${format}`)
  const stream = fs.createWriteStream(file)
  if (format === 'csv') stream.write(`${RECORD_KEYS.join(',')}\n`)
  for (let i = 0; i < count; i += 1) {
    if (!stream.write(lineOf(format, deviceOf(i)))) await once(stream, 'drain')
  }
  stream.end()
  await finished(stream)
  return file
}

function lineOf(format: ImportFormat, device: DeviceRecord): string {
  const wire = formatDeviceRecord(device)
  if (format === 'ndjson') return `${JSON.stringify(wire)}\n`
  return `${Object.values({ ...wire, owners: wire.owners.join(';'), findings: wire.findings.join(';') }).join(',')}\n`
}

const [command, file = '', stateDir = ''] = process.argv.slice(2)
void (command === RUN ? run(file, stateDir) : main())
