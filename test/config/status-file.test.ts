import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'

import { readStatus, removeStatus, writeStatus } from '../../src/config/status-file'
import { tempDirs } from '../support/temp-dir'

describe('what the gate says of itself', () => {
  const tempDir = tempDirs()
  const status = (pid: number) => ({
    pid,
    startedAt: 1,
    configProblems: ['device_gate.yaml:1:1 is empty'],
    policyProblems: [],
    configWaiting: ['imap.listen'],
    storeProblem: null,
    adminAddress: null,
    adminProblem: null,
    oauthProblem: null,
  })

  it('is read as it was written', () => {
    const dir = tempDir()
    writeStatus(dir, status(process.pid))
    assert.deepEqual(readStatus(dir), status(process.pid))
    assert.equal(fs.statSync(path.join(dir, 'status.json')).mode & 0o777, 0o600)
  })
  it('is nothing when it never ran, when it ended, and when it was killed', () => {
    const dir = tempDir()
    assert.equal(readStatus(dir), undefined)
    writeStatus(dir, status(process.pid))
    removeStatus(dir)
    assert.equal(readStatus(dir), undefined)
    writeStatus(dir, status(spawnSync('true').pid))
    assert.equal(readStatus(dir), undefined)
  })
  it('is nothing when the file is damaged', () => {
    const dir = tempDir()
    fs.writeFileSync(path.join(dir, 'status.json'), '{"pid":')
    assert.equal(readStatus(dir), undefined)
  })
})
