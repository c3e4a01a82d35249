import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'

import { newestKey, openEnvironment, type Environment } from '../../src/lmdb/environment'
import { runScript, runScriptOnSmallDisk } from '../support/script'
import { tempDirs } from '../support/temp-dir'

const SCRIPT = path.join(__dirname, 'open-process.ts')
const NOBODY = '65534'

describe('an LMDB environment', function () {
  // Each write waits for the disk.
  this.timeout(60_000)
  const tempDir = tempDirs()

  /** What opening it gives in a process of its own. */
  const opening = (dir: string, ...user: readonly string[]): Promise<Record<string, unknown>> =>
    outcomeOf(SCRIPT, dir, ...user)

  /** What a script prints; its process must end by itself. */
  async function outcomeOf(script: string, ...args: readonly string[]): Promise<Record<string, unknown>> {
    const child = runScript(script, ...args)
    assert.equal(await child.exited, 0, `it ended with ${String(child.child.signalCode)}: ${child.output}`)
    // LMDB itself may say something before.
    return JSON.parse(child.output.slice(child.output.indexOf('{'))) as Record<string, unknown>
  }

  async function made(): Promise<string> {
    const dir = path.join(tempDir(), 'store')
    const environment = openEnvironment(dir, { schema: 1 })
    const database = environment.database('a')
    await environment.write(() => {
      for (let i = 0; i < 2000; i += 1) void database.put(`key-${i}`, 'x'.repeat(300))
    })
    await environment.close()
    return dir
  }

  describe('that cannot be opened says why, and the process goes on', () => {
    const files: [what: string, content: Buffer, problem: RegExp][] = [
      ['random octets', Buffer.from('5eed'.repeat(50_000), 'hex'), /data\.mdb is not an LMDB file/],
      ['zeros', Buffer.alloc(100_000), /data\.mdb is not an LMDB file/],
      ['a text', Buffer.from('hello\n'), /data\.mdb is not an LMDB file/],
    ]
    for (const [what, content, problem] of files) {
      it(`${what} instead of data.mdb`, async () => {
        const dir = await made()
        fs.writeFileSync(path.join(dir, 'data.mdb'), content)
        const { name, message } = await opening(dir)
        assert.equal(name, 'EnvironmentError')
        assert.match(String(message), problem)
        assert.ok(String(message).startsWith(`${dir} cannot be opened: `), String(message))
        assert.match(String(message), /restore it from a backup, or move it away/)
      })
    }

    for (const share of [0.9, 0.5, 0.02, 0.004]) {
      it(`${share * 100} % of data.mdb`, async () => {
        const dir = await made()
        const file = path.join(dir, 'data.mdb')
        fs.truncateSync(file, Math.floor(fs.statSync(file).size * share))
        assert.match(String((await opening(dir))['message']), /data\.mdb is (cut off|not an LMDB file)/)
      })
    }

    it('data.mdb without its last pages', async () => {
      const dir = await made()
      const file = path.join(dir, 'data.mdb')
      fs.truncateSync(file, fs.statSync(file).size - 16_384)
      const { name, message } = await opening(dir)
      assert.deepEqual(
        [name, String(message).includes('restore it from a backup')],
        ['EnvironmentError', true],
      )
    })

    it('data of another LMDB format', async () => {
      const dir = await made()
      const file = fs.openSync(path.join(dir, 'data.mdb'), 'r+')
      fs.writeSync(file, Buffer.from([1, 0]), 0, 2, 28)
      fs.closeSync(file)
      assert.match(String((await opening(dir))['message']), /data\.mdb has format 1, not 2/)
    })

    it('a directory instead of data.mdb', async () => {
      const dir = await made()
      fs.rmSync(path.join(dir, 'data.mdb'))
      fs.mkdirSync(path.join(dir, 'data.mdb'))
      assert.equal((await opening(dir))['name'], 'EnvironmentError')
    })

    it('a file instead of the directory', async () => {
      const file = path.join(tempDir(), 'store')
      fs.writeFileSync(file, '')
      assert.equal((await opening(file))['name'], 'EnvironmentError')
    })

    for (const [what, name, mode] of [
      ['a directory that may not be written', '.', 0o555],
      ['a data.mdb that may not be read', 'data.mdb', 0o000],
      ['a data.mdb that may not be written', 'data.mdb', 0o444],
      ['a lock.mdb that may not be written', 'lock.mdb', 0o444],
    ] as const) {
      it(what, async () => {
        const dir = await made()
        // Root may read and write all: there another user opens it.
        const user = process.getuid?.() === 0 ? [NOBODY] : []
        for (let parent = path.dirname(dir); parent !== path.dirname(parent); parent = path.dirname(parent)) {
          if (path.basename(parent).startsWith('device-gate-')) fs.chmodSync(parent, 0o755)
        }
        fs.chmodSync(dir, 0o777)
        for (const file of fs.readdirSync(dir)) fs.chmodSync(path.join(dir, file), 0o666)
        fs.chmodSync(path.join(dir, name), mode)
        const { name: error, message } = await opening(dir, ...user)
        fs.chmodSync(dir, 0o777)
        assert.equal(error, 'EnvironmentError')
        assert.match(String(message), /permission denied.*readable and writable for this user/)
      })
    }

    it('data of a newer schema, which it leaves alone', async () => {
      const dir = await made()
      fs.rmSync(dir, { recursive: true })
      await openEnvironment(dir, { schema: 2 }).close()
      const before = fs.readFileSync(path.join(dir, 'data.mdb'))
      const { name, message } = await opening(dir)
      assert.equal(name, 'EnvironmentError')
      assert.match(
        String(message),
        /holds data of schema version 2, this program knows version 1: use the program/,
      )
      assert.deepEqual(fs.readFileSync(path.join(dir, 'data.mdb')), before)
    })
  })

  it('is made where it is missing, for its user alone', async () => {
    const dir = path.join(tempDir(), 'a', 'b')
    assert.deepEqual(await opening(dir), { value: 'value' })
    assert.equal(fs.statSync(dir).mode & 0o777, 0o700)
  })

  it('is opened when its files are empty, as a process killed at the very start leaves them', async () => {
    const dir = tempDir()
    for (const name of ['data.mdb', 'lock.mdb']) fs.writeFileSync(path.join(dir, name), '')
    assert.deepEqual(await opening(dir), { value: 'value' })
  })

  describe('when it is written', () => {
    let dir: string
    let environment: Environment
    beforeEach(() => {
      dir = tempDir()
      environment = openEnvironment(dir, { schema: 1 })
    })
    afterEach(() => environment.close())

    it('gives what the work gives, once it is there for all', async () => {
      const database = environment.database('a')
      assert.equal(
        await environment.write(() => {
          void database.put('key', 'value')
          return database.get('key')
        }),
        'value',
      )
      assert.equal(database.get('key'), 'value')
    })

    it('takes back what was put before a throw, and rejects with what was thrown', async () => {
      const database = environment.database('a')
      const reason = new Error('no')
      const failing = environment.write(() => {
        void database.put('one', 'value')
        throw reason
      })
      const working = environment.write(() => void database.put('two', 'value'))
      await assert.rejects(failing, reason)
      await working
      assert.deepEqual([database.get('one'), database.get('two')], [undefined, 'value'])
    })

    it('is not held up by work that gives a promise', async () => {
      const database = environment.database('a')
      void environment.write(() => new Promise(() => undefined))
      await environment.write(() => void database.put('key', 'value'))
      assert.equal(database.get('key'), 'value')
    })

    it('shows what another process wrote in the next turn, or in this one to who asks', () => {
      const database = environment.database('a')
      assert.equal(database.get('key'), undefined)
      execFileSync(process.execPath, ['-r', 'tsx/cjs', SCRIPT, dir])
      assert.equal(database.get('key'), undefined)
      environment.refresh()
      assert.equal(database.get('key'), 'value')
    })

    it('knows the newest of its number keys', async () => {
      const database = environment.database('n')
      assert.equal(newestKey(database), 0)
      await environment.write(() => {
        for (const key of [1, 255, 256, 65_536, 2 ** 40, 3]) void database.put(key, '')
      })
      assert.equal(newestKey(database), 2 ** 40)
    })
  })

  it('with a damaged page fails what touches that page, and nothing else', async () => {
    const dir = await made()
    const file = path.join(dir, 'data.mdb')
    const data = fs.readFileSync(file)
    const pageOctets = data.readUInt32LE(48)
    const start = Math.floor(data.lastIndexOf('key-1000') / pageOctets) * pageOctets
    fs.writeFileSync(file, data.fill(0, start, start + pageOctets))
    assert.deepEqual(await outcomeOf(path.join(__dirname, 'damaged-process.ts'), dir), {
      read: 'Error',
      write: 'EnvironmentError',
      otherRead: '300',
      otherWrite: 'new',
    })
  })

  it('on a full disk refuses the write whole, goes on reading, and goes on writing once there is room', async () => {
    const child = runScriptOnSmallDisk(2048, path.join(__dirname, 'fill-process.ts'), tempDir())
    assert.equal(await child.exited, 0, child.output)
    const lines = child.output.split('\n').filter((line) => line.startsWith('{'))
    const [refused, after] = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    assert.ok(Number(refused?.['written']) > 100, child.output)
    assert.equal(refused?.['name'], 'EnvironmentError')
    assert.match(
      String(refused['message']),
      / cannot be written: .*; nothing was changed; is the disk full\?$/,
    )
    assert.equal(refused['read'], refused['written'], 'some of the refused write is there')
    assert.deepEqual(after, { read: Number(refused['written']) + 500 })
  })
})
