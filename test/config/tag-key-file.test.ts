import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'

import { readTagKeyFile, watchTagKeys, type TagKeys } from '../../src/config/tag-key-file'
import { formatKeyring, rotateKeyring, type TagKeyring } from '../../src/identity/tag-keyring'
import { Queue } from '../support/queue'
import { tempDirs } from '../support/temp-dir'

const rotated = (keys: TagKeyring): TagKeyring => rotateKeyring(keys, 0) ?? assert.fail('full')
const ids = (keys: TagKeyring): string[] => keys.map(({ id }) => id)

describe('the tag key file', () => {
  const tempDir = tempDirs()
  const ONE = rotated([])
  const TWO = rotated(ONE)

  function keyFile(text?: string, mode = 0o600): string {
    const file = path.join(tempDir(), 'tag.key')
    if (text !== undefined) fs.writeFileSync(file, text)
    if (text !== undefined) fs.chmodSync(file, mode)
    return file
  }

  describe('as it is read', () => {
    it('missing: no keys and no problem', () => {
      assert.deepEqual(readTagKeyFile(keyFile()), { keys: [], missing: true, problems: [] })
    })
    it('comments only: no keys and no problem; so all tags are voided', () => {
      assert.deepEqual(readTagKeyFile(keyFile('# none\n')), { keys: [], missing: false, problems: [] })
    })
    it('empty: a problem, an editor may be about to write', () => {
      const file = keyFile('')
      assert.deepEqual(readTagKeyFile(file).problems, [
        `${file} is empty; to void every tag leave a comment line in it`,
      ])
    })
    it('unreadable: a problem that names it', () => {
      const dir = tempDir()
      assert.deepEqual(readTagKeyFile(dir).problems, [`${dir} is no regular file`])
    })
    for (const mode of [0o600, 0o400, 0o640, 0o660])
      it(`mode ${mode.toString(8)}: taken`, () => {
        assert.deepEqual(ids(readTagKeyFile(keyFile(formatKeyring(TWO), mode)).keys), ids(TWO))
      })
    for (const mode of [0o644, 0o604, 0o606, 0o666, 0o602])
      it(`mode ${mode.toString(8)}: refused, its keys are no secret`, () => {
        const file = keyFile(formatKeyring(TWO), mode)
        assert.deepEqual(readTagKeyFile(file), {
          keys: [],
          missing: false,
          problems: [`${file} is open to every user of this host (mode ${mode.toString(8)}): chmod 600 it`],
        })
      })
    it('with a bad line: the line is named, its text is not shown, the other keys are there', () => {
      const file = keyFile(formatKeyring(TWO).replace(/^(..) \S+/m, '$1 s3cret'))
      const { keys, problems } = readTagKeyFile(file)
      assert.deepEqual(ids(keys), ids(ONE))
      assert.deepEqual(problems, [
        `${file}:3 is not of the form "id key created"; restore the file from its backup`,
      ])
    })
  })

  describe('as it is watched', () => {
    const watched: TagKeys[] = []
    afterEach(() => {
      for (const keys of watched.splice(0)) keys.close()
    })

    function watch(file: string) {
      const problems = new Queue<string>()
      const keys = watchTagKeys(file, problems.push)
      watched.push(keys)
      return { keys, problems, current: () => ids(keys.current()) }
    }
    /** Waits until the keys are these; each change of the file is told by no event but this. */
    async function until(current: () => string[], expected: TagKeyring): Promise<void> {
      while (current().join() !== ids(expected).join())
        await new Promise((resolve) => setTimeout(resolve, 10))
    }

    it('a rotation is taken', async () => {
      const file = keyFile(formatKeyring(ONE))
      const { current } = watch(file)
      assert.deepEqual(current(), ids(ONE))
      fs.writeFileSync(file, formatKeyring(TWO))
      await until(current, TWO)
    })
    it('the first key of a site is taken', async () => {
      const file = keyFile()
      const { current } = watch(file)
      assert.deepEqual(current(), [])
      fs.writeFileSync(file, formatKeyring(ONE), { mode: 0o600 })
      await until(current, ONE)
    })
    it('a key that was removed is gone; with the last one all are', async () => {
      const file = keyFile(formatKeyring(TWO))
      const { current } = watch(file)
      fs.writeFileSync(file, formatKeyring(TWO.slice(0, 1)))
      await until(current, TWO.slice(0, 1))
      fs.writeFileSync(file, formatKeyring([]))
      await until(current, [])
    })
    it('a damaged edit is told and changes nothing; mended, it is taken', async () => {
      const file = keyFile(formatKeyring(ONE))
      const { current, problems } = watch(file)
      fs.writeFileSync(file, `${formatKeyring(TWO)}cut sho`)
      assert.match(await problems.next(), /tag\.key:5 is not of the form/)
      assert.deepEqual(current(), ids(ONE))
      fs.writeFileSync(file, formatKeyring(TWO))
      await until(current, TWO)
    })
    it('a file that went away is told, and its keys stay: a lost file must not lock every phone out', async () => {
      const file = keyFile(formatKeyring(ONE))
      const { current, problems } = watch(file)
      fs.rmSync(file)
      assert.equal(await problems.next(), `${file} does not exist; the keys that were read before stay`)
      assert.deepEqual(current(), ids(ONE))
    })
    it('a process that starts with a damaged file has the keys of the good lines', async () => {
      const { current, problems } = watch(keyFile(`cut sho\n${formatKeyring(ONE)}`))
      assert.match(await problems.next(), /tag\.key:1 is not of the form/)
      assert.deepEqual(current(), ids(ONE))
    })
    it('another file is followed when the config names another', async () => {
      const { keys, current } = watch(keyFile(formatKeyring(ONE)))
      const other = keyFile(formatKeyring(TWO))
      keys.follow(other)
      assert.deepEqual(current(), ids(TWO))
      fs.writeFileSync(other, formatKeyring(ONE))
      await until(current, ONE)
    })
  })
})
