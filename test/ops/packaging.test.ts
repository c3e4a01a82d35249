import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'

import { parse } from 'yaml'

import { parseHostConfig } from '../../src/config/host-config-file'
import { parsePolicy } from '../../src/config/policy-file'
import { tempDirs } from '../support/temp-dir'

const OPS = path.resolve(__dirname, '../../ops')
const COMPOSE = path.join(OPS, 'compose')
const read = (...names: string[]): string => fs.readFileSync(path.join(OPS, ...names), 'utf8')
const run = (command: string, ...args: string[]): { code: number | null; output: string } => {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  return { code: status, output: stdout + stderr }
}

describe('ops/haraka.service', () => {
  const tempDir = tempDirs()
  let unit: string

  beforeEach(() => {
    unit = path.join(tempDir(), 'haraka.service')
    // Node may lie elsewhere here; the rest is as a site copies it.
    fs.writeFileSync(unit, read('haraka.service').replace('/usr/bin/node', process.execPath))
  })

  it('is taken by systemd without a word', () => {
    assert.deepEqual(run('systemd-analyze', 'verify', unit), { code: 0, output: '' })
  })

  it('leaves little to somebody who broke in: systemd counts an exposure below 2 of 10', () => {
    const { code, output } = run('systemd-analyze', 'security', '--offline=yes', '--threshold=20', unit)
    assert.equal(code, 0, output)
  })

  it('comes back whatever ends it: Haraka without an address to listen on ends by SIGTERM, a clean end to systemd', () => {
    const text = read('haraka.service')
    assert.match(text, /^Restart=always$/m)
    assert.match(text, /^StartLimitIntervalSec=0$/m)
    assert.match(text, /^RestartSec=2$/m)
  })

  it('is set up by the commands that its head and the documents have alike', () => {
    const documented = fs.readFileSync(path.join(OPS, '../docs/operations.md'), 'utf8')
    const commands = [...read('haraka.service').matchAll(/^# {3}(.+)$/gm)].map(([, command]) => command)
    assert.equal(commands.length, 3)
    for (const command of commands) assert.ok(documented.includes(`    ${command}\n`), command)
  })

  it('forbids nothing that V8, LMDB or Haraka need', () => {
    const text = read('haraka.service')
    for (const setting of ['MemoryDenyWriteExecute=', 'ProcSubset='])
      assert.doesNotMatch(text, new RegExp(`^${setting}`, 'm'))
    assert.match(text, /^SystemCallErrorNumber=EPERM$/m)
  })
})

interface Service {
  readonly image?: string
  readonly hostname?: string
  readonly build?: { readonly context: string }
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly healthcheck?: object
}

describe('ops/compose', () => {
  const { services, volumes } = parse(read('compose', 'compose.yaml')) as {
    readonly services: Readonly<Record<string, Service>>
    readonly volumes: Readonly<Record<string, null>>
  }

  for (const [name, service] of Object.entries(services))
    describe(name, () => {
      it('is made of something that is there', () => {
        assert.equal([service.image, service.build].filter((one) => one !== undefined).length, 1)
        if (service.build) assert.ok(fs.existsSync(path.join(COMPOSE, service.build.context, 'Dockerfile')))
      })

      it('mounts files that are there, read-only, and volumes that are declared', () => {
        for (const volume of service.volumes ?? []) {
          const [source = '', , mode] = volume.split(':')
          if (!source.startsWith('./')) assert.ok(source in volumes, source)
          else
            assert.deepEqual([fs.statSync(path.join(COMPOSE, source)).isFile(), mode], [true, 'ro'], source)
        }
      })

      it('is open to this machine alone', () => {
        for (const port of service.ports ?? []) assert.match(port, /^127\.0\.0\.1:/)
      })

      it('waits for services that can say what is waited for', () => {
        for (const [other, { condition }] of Object.entries(service.depends_on ?? {}))
          assert.equal(services[other]?.healthcheck !== undefined, condition === 'service_healthy', other)
      })
    })

  it('gives the gate a name in the fleet that outlives its container', () => {
    assert.ok(services['haraka']?.hostname)
  })

  it('gives the gate a config that is valid, and names the other services as they are called', () => {
    const reading = parseHostConfig(read('compose', 'config', 'device_gate.yaml'), {
      file: 'device_gate.yaml',
      harakaDir: COMPOSE,
    })
    assert.ok(reading.ok)
    assert.deepEqual(reading.fileProblems, [])
    const { raw } = reading
    assert.ok(new URL(raw.store.redis.url).hostname in services)
    assert.ok(raw.imap.upstream.host in services)
    const policy = parsePolicy(read('compose', 'config', 'device_gate_policy.yaml'), { file: 'policy' })
    assert.ok(policy.ok)
    assert.equal(policy.policy.mode, 'monitor')
  })

  it('gives Dovecot a config that Dovecot takes', () => {
    const { code, output } = run('doveconf', '-n', '-c', path.join(COMPOSE, 'dovecot.conf'))
    assert.equal(code, 0, output)
  })
})
