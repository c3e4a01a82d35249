import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'

import { formatProblem } from '../../src/config/config-problem'
import { openPolicy, type PolicyReading } from '../../src/config/policy-source'
import { Queue } from '../support/queue'
import { tempDirs } from '../support/temp-dir'

const told = (reading: PolicyReading): string =>
  reading.ok ? `mode ${reading.policy.mode}` : reading.problems.map(formatProblem).join('\n')

describe('the policy file of a site', () => {
  const tempDir = tempDirs()
  const open: { close(): void }[] = []
  afterEach(() => {
    for (const watcher of open.splice(0)) watcher.close()
  })

  function site(text?: string) {
    const dir = tempDir()
    const file = path.join(dir, 'config', 'device_gate_policy.yaml')
    fs.mkdirSync(path.dirname(file))
    if (text !== undefined) fs.writeFileSync(file, text)
    const source = openPolicy(dir)
    const watch = (): Queue<string> => {
      const readings = new Queue<string>()
      open.push(source.watch((reading) => readings.push(told(reading))))
      return readings
    }
    return { file, first: told(source.first), watch }
  }

  it('is read at once', () => {
    assert.equal(site('mode: monitor').first, 'mode monitor')
  })
  it('missing, it is told so', () => {
    assert.equal(site().first, 'device_gate_policy.yaml:1:1 does not exist')
  })
  it('each edit is told, good or bad, and the file going away', async () => {
    const { file, watch } = site('mode: monitor')
    const readings = watch()
    fs.writeFileSync(file, 'mode: enforce')
    assert.equal(await readings.next(), 'mode enforce')
    fs.writeFileSync(file, 'mode: enforced')
    assert.equal(
      await readings.next(),
      'device_gate_policy.yaml:1:1 mode: must be one of off, monitor, enforce (found "enforced")',
    )
    fs.rmSync(file)
    assert.equal(await readings.next(), 'device_gate_policy.yaml:1:1 does not exist')
    fs.writeFileSync(file, 'mode: off')
    assert.equal(await readings.next(), 'mode off')
  })
  it('an edit between the first reading and the watching is told', async () => {
    const { file, first, watch } = site('mode: monitor')
    assert.equal(first, 'mode monitor')
    fs.writeFileSync(file, 'mode: enforce')
    assert.equal(await watch().next(), 'mode enforce')
  })
})
