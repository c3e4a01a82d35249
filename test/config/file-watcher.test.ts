import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'

import { readTextFile, watchFile, type FileContent, type FileWatcher } from '../../src/config/file-watcher'
import { Queue } from '../support/queue'
import { tempDirs } from '../support/temp-dir'

const textOf = (content: FileContent): string => (content.ok ? content.text : content.problem)

/** Seconds since the epoch. */
const OLD_TIME = 1_600_000_000

describe('a watched file', () => {
  const tempDir = tempDirs()
  const watchers: FileWatcher[] = []
  afterEach(() => {
    for (const watcher of watchers.splice(0)) watcher.close()
  })

  function watch(file: string, known = readTextFile(file)): Queue<string> {
    const told = new Queue<string>()
    watchers.push(watchFile(file, known, (content) => told.push(textOf(content))))
    return told
  }

  /** A watcher that has seen the file as it is, so that nothing but a change can be told from here on. */
  async function watchSettled(file: string): Promise<Queue<string>> {
    const told = watch(file, { ok: false, missing: true, problem: 'not read yet' })
    await told.next()
    return told
  }

  describe('whichever way an editor, a config tool or an orchestrator changes it, the change is told', () => {
    type Change = (file: string, dir: string) => void
    const replace: Change = (file) => {
      fs.writeFileSync(`${file}.new`, 'new')
      fs.renameSync(`${file}.new`, file)
    }
    const changes: readonly (readonly [how: string, change: Change])[] = [
      ['written in place (nano, cat >)', (file) => fs.writeFileSync(file, 'new')],
      ['a new file renamed over it (vim, Ansible, sed -i)', replace],
      [
        'the old one moved away first (vim with backup)',
        (file) => {
          fs.renameSync(file, `${file}~`)
          fs.writeFileSync(file, 'new')
        },
      ],
      [
        'removed and made again (git checkout)',
        (file) => {
          fs.rmSync(file)
          fs.writeFileSync(file, 'new')
        },
      ],
      [
        'written to in pieces',
        (file) => {
          const descriptor = fs.openSync(file, 'w')
          for (const piece of 'new') fs.writeSync(descriptor, piece)
          fs.closeSync(descriptor)
        },
      ],
      [
        'of the same length and with the time of the old one (cp -p, rsync)',
        (file) => {
          fs.writeFileSync(file, 'new')
          fs.utimesSync(file, OLD_TIME, OLD_TIME)
        },
      ],
    ]
    for (const [how, change] of changes) {
      it(how, async () => {
        const dir = tempDir()
        const file = path.join(dir, 'f')
        fs.writeFileSync(file, 'old')
        fs.utimesSync(file, OLD_TIME, OLD_TIME)
        const told = await watchSettled(file)
        change(file, dir)
        await told.until((text) => text === 'new')
      })
    }

    it('a symbolic link that is made to point elsewhere', async () => {
      const dir = tempDir()
      const file = path.join(dir, 'f')
      for (const name of ['old', 'new']) fs.writeFileSync(path.join(dir, name), name)
      fs.symlinkSync('old', file)
      const told = await watchSettled(file)
      fs.symlinkSync('new', `${file}.new`)
      fs.renameSync(`${file}.new`, file)
      assert.equal(await told.next(), 'new')
    })

    it('a Kubernetes ConfigMap: f -> ..data/f, and ..data is made to point elsewhere', async () => {
      const dir = tempDir()
      const revision = (name: string): void => {
        fs.mkdirSync(path.join(dir, `..${name}`))
        fs.writeFileSync(path.join(dir, `..${name}`, 'f'), name)
        fs.symlinkSync(`..${name}`, path.join(dir, '..data_tmp'))
        fs.renameSync(path.join(dir, '..data_tmp'), path.join(dir, '..data'))
      }
      revision('old')
      fs.symlinkSync('..data/f', path.join(dir, 'f'))
      const told = await watchSettled(path.join(dir, 'f'))
      revision('new')
      assert.equal(await told.next(), 'new')
    })

    it('a change behind a symbolic link, in a directory that is not watched', async () => {
      const dir = tempDir()
      const behind = path.join(tempDir(), 'f')
      fs.writeFileSync(behind, 'old')
      fs.symlinkSync(behind, path.join(dir, 'f'))
      const told = await watchSettled(path.join(dir, 'f'))
      fs.writeFileSync(behind, 'new')
      assert.equal(await told.next(), 'new')
    })

    it('its whole directory replaced', async () => {
      const dir = tempDir()
      const config = path.join(dir, 'config')
      for (const name of ['old', 'new']) {
        fs.mkdirSync(path.join(dir, name))
        fs.writeFileSync(path.join(dir, name, 'f'), name)
      }
      fs.renameSync(path.join(dir, 'old'), config)
      const told = await watchSettled(path.join(config, 'f'))
      fs.renameSync(config, path.join(dir, 'away'))
      fs.renameSync(path.join(dir, 'new'), config)
      await told.until((text) => text === 'new')
    })

    it('a file in a directory that comes later', async () => {
      const dir = path.join(tempDir(), 'later')
      const told = watch(path.join(dir, 'f'))
      fs.mkdirSync(dir)
      fs.writeFileSync(path.join(dir, 'f'), 'new')
      assert.equal(await told.next(), 'new')
    })
  })

  it('is told gone, and told when it is back', async () => {
    const file = path.join(tempDir(), 'f')
    fs.writeFileSync(file, 'old')
    const told = watch(file)
    fs.rmSync(file)
    assert.equal(await told.next(), 'does not exist')
    fs.writeFileSync(file, 'old')
    assert.equal(await told.next(), 'old')
  })

  it('changed between the reading and the watching is told: the caller knows the older text', async () => {
    const file = path.join(tempDir(), 'f')
    fs.writeFileSync(file, 'old')
    const known = readTextFile(file)
    fs.writeFileSync(file, 'new')
    assert.equal(await watch(file, known).next(), 'new')
  })

  it('is told though its directory is never still', async () => {
    const dir = tempDir()
    const file = path.join(dir, 'f')
    fs.writeFileSync(file, 'old')
    const busy = setInterval(() => fs.writeFileSync(path.join(dir, 'log'), String(Math.random())), 5)
    try {
      const told = watch(file)
      fs.writeFileSync(file, 'new')
      assert.equal(await told.next(), 'new')
    } finally {
      clearInterval(busy)
    }
  })

  it('is told though it is never still itself', async () => {
    const file = path.join(tempDir(), 'f')
    fs.writeFileSync(file, 'old')
    const told = watch(file)
    let text = ''
    const busy = setInterval(() => fs.writeFileSync(file, (text += 'x')), 5)
    try {
      assert.match(await told.next(), /^x/)
    } finally {
      clearInterval(busy)
    }
  })

  it('written again with the same text is not told', async () => {
    const file = path.join(tempDir(), 'f')
    fs.writeFileSync(file, 'old')
    const told = watch(file)
    fs.writeFileSync(`${file}.new`, 'old')
    fs.renameSync(`${file}.new`, file)
    // Told in order: had the first write been told, it would come before this one.
    await new Promise((resolve) => setTimeout(resolve, 100))
    fs.writeFileSync(file, 'new')
    assert.equal(await told.next(), 'new')
  })

  it('that is unreadable for a reason of its own does not end the process', async () => {
    const dir = tempDir()
    const file = path.join(dir, 'f')
    fs.writeFileSync(file, 'old')
    const told = watch(file)
    fs.rmSync(file)
    fs.symlinkSync('f', file)
    await told.until((text) => text.startsWith('cannot be read: ELOOP'))
  })
})

describe('reading a text file', () => {
  const tempDir = tempDirs()

  it('a missing one is told apart from an unreadable one: a site may do without', () => {
    const file = path.join(tempDir(), 'f')
    assert.deepEqual(readTextFile(file), { ok: false, missing: true, problem: 'does not exist' })
    assert.deepEqual(readTextFile(path.dirname(file)), {
      ok: false,
      missing: false,
      problem: 'is no regular file',
    })
  })
  it('a device that never ends is not read', () => {
    assert.deepEqual(readTextFile('/dev/zero'), { ok: false, missing: false, problem: 'is no regular file' })
  })
  it('a file of many megabytes is not read', () => {
    const file = path.join(tempDir(), 'f')
    fs.writeFileSync(file, '')
    fs.truncateSync(file, 5 * 1024 * 1024)
    assert.deepEqual(readTextFile(file), {
      ok: false,
      missing: false,
      problem: 'is larger than 4194304 octets',
    })
  })
})
