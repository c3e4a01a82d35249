import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'

import { tempDirs } from '../support/temp-dir'

const SCRIPT = path.resolve(__dirname, '..', '..', 'scripts', 'install-test-packages.sh')

/** By package, in the order of the script; Dovecot and HAProxy are found by their paths. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  curl: ['curl'],
  openssl: ['openssl'],
  python3: ['python3'],
  'redis-server': ['redis-server'],
  prometheus: ['prometheus', 'promtool'],
  systemd: ['systemd-analyze'],
  chromium: ['chromium'],
  zsh: ['zsh'],
  fish: ['fish'],
}

/** All programs but those of one package. */
const without = (missing = ''): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(PACKAGES).flatMap(([name, programs]) =>
      name === missing ? [] : programs.map((program) => [program, '']),
    ),
  )

describe('scripts/install-test-packages.sh', () => {
  const tempDir = tempDirs()

  /** Runs the script where these programs are all there is. */
  function run(programs: Readonly<Record<string, string>>): { code: number | null; output: string } {
    const bin = tempDir()
    for (const [name, text] of Object.entries(programs))
      fs.writeFileSync(path.join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 })
    const { status, stdout, stderr } = spawnSync('/bin/bash', [SCRIPT], {
      env: { PATH: bin },
      encoding: 'utf8',
    })
    return { code: status, output: stdout + stderr }
  }

  it('does nothing where all is there', () => {
    assert.deepEqual(run(without()), { code: 0, output: '' })
  })

  it('names what is missing to whoever may not install it', () => {
    const { code, output } = run({ id: 'echo 1000' })
    assert.equal(code, 1)
    const names = Object.keys(PACKAGES).join(' ')
    assert.ok(
      output.startsWith(`The end-to-end tests need: ${names} (names of Debian's packages). Install them`),
      output,
    )
  })

  it('names what is missing to root where there is no apt-get', () => {
    const { code, output } = run({ ...without('openssl'), id: 'echo 0' })
    assert.equal(code, 1)
    assert.match(output, /^The end-to-end tests need: openssl \(names of Debian's packages\)/)
  })

  it('sets out to install it as root on Debian', () => {
    const { code, output } = run({
      ...without('curl'),
      id: 'echo 0',
      'apt-get': 'echo apt-get "$@"; exit 100',
    })
    assert.equal(code, 100)
    assert.equal(output, 'Installing what the end-to-end tests need: curl\napt-get update -qq\n')
  })
})
