import assert from 'node:assert/strict'
import path from 'node:path'

import { LmdbStore } from '../../src/devices/lmdb-store'
import type { WatchedProcess } from '../support/process'
import { runScript } from '../support/script'
import { tempDirs } from '../support/temp-dir'
import { record } from './samples'
import { batchOf, EVERYONE } from './writer-batches'

const SCRIPT = path.join(__dirname, 'writer-process.ts')

/** Several processes write one store, and some of them are killed while they do. */
describe('LmdbStore in several processes', function () {
  this.timeout(60_000)
  const tempDir = tempDirs()
  const running: WatchedProcess[] = []
  afterEach(async () => {
    for (const writer of running.splice(0)) await writer.stop('SIGKILL')
  })

  function startWriter(dir: string, name: string, batches: number, size: number): WatchedProcess {
    const writer = runScript(SCRIPT, dir, name, String(batches), String(size))
    running.push(writer)
    return writer
  }

  const acknowledged = (writer: WatchedProcess): number => writer.output.match(/done \d+\n/g)?.length ?? 0

  /** The batches of a writer that are there: each whole, all that were acknowledged, and at most one more. */
  function checkWriter(store: LmdbStore, name: string, writer: WatchedProcess, size: number): number {
    const present = (batch: number): number =>
      batchOf(name, batch, size).filter(({ id }) => store.device(id) !== undefined).length
    const count = acknowledged(writer)
    for (let batch = 0; batch < count; batch += 1)
      assert.equal(present(batch), size, `${name} ${batch} is lost`)
    const next = present(count)
    assert.ok(next === 0 || next === size, `${next} of ${size} records of ${name} ${count} are there`)
    assert.equal(present(count + 1), 0)
    return count + next / size
  }

  /** Every device in the store was told in the change log, once, and the log has no gap. */
  function checkLog(store: LmdbStore, devices: number): void {
    const changes = store.changesAfter(0, 1_000_000) ?? []
    assert.deepEqual(
      changes.map(({ sequence }) => sequence),
      Array.from({ length: devices }, (_, i) => i + 1),
    )
    assert.equal(store.sequence(), devices)
    const told = changes.map((change) => (change.kind === 'device' ? change.deviceId : ''))
    const stored = store.listDevices({ limit: 1_000_000 }).map((one) => ('id' in one ? one.id : ''))
    assert.deepEqual(told.sort(), stored.sort())
    assert.deepEqual(store.deviceIdsOf(EVERYONE, 1_000_000).sort(), stored)
  }

  it('loses nothing that was acknowledged when three write at once and one is killed', async () => {
    const dir = tempDir()
    const store = LmdbStore.open(dir)
    const [batches, size] = [60, 7]
    const writers = ['a', 'b', 'c'].map((name) => startWriter(dir, name, batches, size))
    const [killed, ...others] = writers
    await killed?.until(/done \d+\n/, 10)
    killed?.child.kill('SIGKILL')
    for (const writer of others) assert.equal(await writer.exited, 0, writer.output)
    await killed?.exited

    const written = ['a', 'b', 'c'].map((name, i) => checkWriter(store, name, writers[i]!, size))
    assert.deepEqual(written.slice(1), [batches, batches])
    assert.ok(written[0]! >= 10 && written[0]! < batches, `the killed one wrote ${written[0]} batches`)
    checkLog(
      store,
      written.reduce((sum, count) => sum + count * size, 0),
    )
    await store.close()
  })

  it('is whole and can be written after a process was killed, at whichever moment', async () => {
    const dir = tempDir()
    const size = 300
    let devices = 0
    for (const kills of [1, 2, 4]) {
      const writer = startWriter(dir, `w${kills}`, 1000, size)
      await writer.until(/done \d+\n/, kills)
      writer.child.kill('SIGKILL')
      await writer.exited
      const store = LmdbStore.open(dir)
      devices += checkWriter(store, `w${kills}`, writer, size) * size
      checkLog(store, devices)
      await store.putDevices([record({ id: `after-${kills}`, owners: [EVERYONE] })])
      devices += 1
      checkLog(store, devices)
      await store.close()
    }
  })

  it('goes on in the processes that live while others die, with the slots of the dead', async () => {
    const dir = tempDir()
    const store = LmdbStore.open(dir)
    await store.putDevices([record()])
    for (let round = 1; round <= 2; round += 1) {
      const writer = startWriter(dir, `w${round}`, 1000, 50)
      await writer.until(/done \d+\n/, 3)
      writer.child.kill('SIGKILL')
      await writer.exited
      assert.deepEqual(await store.putDevices([record({ version: round + 1 })]), [{ status: 'applied' }])
      assert.equal(store.device('d-1')?.version, round + 1)
    }
    await store.close()
  })
})
