import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'

import { formatProblem, type ConfigProblem } from '../../src/config/config-problem'
import type { HostConfig } from '../../src/config/host-config'
import {
  checkHostConfig,
  ConfigError,
  readConfigOrInForce,
  watchHostConfig,
  type HostConfigSource,
  type Role,
} from '../../src/config/host-config-source'
import { START_KEYS } from '../../src/config/start-keys'
import { CertificateAuthority } from '../support/certificates'
import { Queue } from '../support/queue'
import { tempDirs } from '../support/temp-dir'

const BAD = 'enforcement: on\n'
const BAD_TOLD = ['device_gate.yaml:1:1 enforcement: must be one of policy, monitor, off (found "on")']

describe('the live config of a process', () => {
  const tempDir = tempDirs()
  const sources: HostConfigSource[] = []
  beforeEach(() => delete process.env['DEVICE_GATE_IN_FORCE'])
  afterEach(() => {
    for (const source of sources.splice(0)) source.close()
    delete process.env['DEVICE_GATE_IN_FORCE']
  })

  /** A Haraka directory with this device_gate.yaml, or none. */
  function site(text?: string): { dir: string; write: (text: string) => void; remove: () => void } {
    const dir = tempDir()
    const file = path.join(dir, 'config', 'device_gate.yaml')
    fs.mkdirSync(path.dirname(file))
    const write = (content: string): void => fs.writeFileSync(file, content)
    if (text !== undefined) write(text)
    return { dir, write, remove: () => fs.rmSync(file) }
  }

  type Event =
    | { readonly event: 'changed'; readonly config: HostConfig }
    | { readonly event: 'problems'; readonly problems: readonly string[] }

  function start(dir: string, role: Role = 'control') {
    const events = new Queue<Event>()
    const source = watchHostConfig(dir, role, {
      onChange: (config) => events.push({ event: 'changed', config }),
      onProblems: (problems) => events.push({ event: 'problems', problems: told(problems) }),
      onFault: (error) => assert.fail(String(error)),
    })
    sources.push(source)
    const changed = async (): Promise<HostConfig> => {
      const event = await events.until(({ event: name }) => name === 'changed')
      assert.ok(event.event === 'changed')
      return event.config
    }
    const problems = async (): Promise<readonly string[]> => {
      const event = await events.next()
      assert.ok(event.event === 'problems', 'no change was told')
      return event.problems
    }
    return { source, changed, problems }
  }

  const told = (problems: readonly ConfigProblem[]): string[] => problems.map(formatProblem)

  describe('at the start', () => {
    it('no file: the defaults', () => {
      const { source } = start(site().dir)
      assert.equal(source.current().enforcement, 'policy')
      assert.deepEqual(source.problems(), [])
    })
    it('a bad file: refused, with every problem', () => {
      const { dir } = site(`${BAD}fail_mode: shut\n`)
      for (const refused of [() => checkHostConfig(dir, 'control'), () => start(dir)])
        assert.throws(refused, (error: unknown) => {
          assert.ok(error instanceof ConfigError)
          assert.deepEqual(error.message.split('\n'), [
            ...BAD_TOLD,
            'device_gate.yaml:2:1 fail_mode: must be one of closed, open (found "shut")',
          ])
          return true
        })
    })
    it('an empty file, as a full disk leaves behind: refused, it is not the defaults', () => {
      assert.throws(() => start(site('').dir), /device_gate\.yaml:1:1 is empty/)
    })
    it('a file that names keys which cannot be read: refused', () => {
      const { dir } = site('identity: { client_ca: ca.pem }\nimap: { tls: { cert: a, key: b } }\n')
      assert.throws(() => start(dir), /identity\.client_ca: \S+ca\.pem does not exist/)
    })
    it('a bad file is refused though an earlier run left a good one behind: only its own workers go by that', () => {
      const { dir, write } = site('enforcement: monitor\n')
      start(dir).source.close()
      write(BAD)
      assert.throws(() => checkHostConfig(dir, 'control'), ConfigError)
    })
  })

  describe('an edit', () => {
    it('is taken', async () => {
      const { dir, write } = site('enforcement: policy\n')
      const { changed, source } = start(dir)
      write('enforcement: off\n')
      assert.equal((await changed()).enforcement, 'off')
      assert.equal(source.current().enforcement, 'off')
    })
    it('that is bad changes nothing and is told; mended, it is taken', async () => {
      const { dir, write } = site('enforcement: monitor\n')
      const { changed, problems, source } = start(dir)
      write(BAD)
      assert.deepEqual(await problems(), BAD_TOLD)
      assert.equal(source.current().enforcement, 'monitor')
      assert.deepEqual(told(source.problems()), BAD_TOLD)
      write('enforcement: off\n')
      assert.equal((await changed()).enforcement, 'off')
      assert.deepEqual(await problems(), [])
      assert.deepEqual(source.problems(), [])
    })
    it('that empties the file is a bad one: an editor may be about to write', async () => {
      const { dir, write } = site('enforcement: off\n')
      const { problems, source } = start(dir)
      write('')
      assert.deepEqual(await problems(), ['device_gate.yaml:1:1 is empty'])
      assert.equal(source.current().enforcement, 'off')
    })
    it('that takes the file away is a bad one: this host’s break-glass must not close by itself', async () => {
      const { dir, write, remove } = site('enforcement: off\n')
      const { changed, problems, source } = start(dir)
      remove()
      assert.deepEqual(await problems(), ['device_gate.yaml:1:1 does not exist'])
      assert.equal(source.current().enforcement, 'off')
      write('enforcement: monitor\n')
      assert.equal((await changed()).enforcement, 'monitor')
    })
    it('that names a key file which is open to all is a bad one', async () => {
      const { dir, write } = site('enforcement: off\n')
      const { problems, source } = start(dir)
      fs.writeFileSync(path.join(dir, 'config', 'open.key'), '')
      fs.chmodSync(path.join(dir, 'config', 'open.key'), 0o644)
      write('identity: { tag: { key_file: open.key } }\n')
      assert.deepEqual(await problems(), [
        `device_gate.yaml:1:20 identity.tag.key_file: ${dir}/config/open.key is open to every user of this host (mode 644): chmod 600 it`,
      ])
      assert.equal(source.current().enforcement, 'off')
    })
  })

  describe('a key that only a start can take', () => {
    let ca: CertificateAuthority
    before(() => (ca = new CertificateAuthority()))
    after(() => ca.remove())

    const edits = (): Readonly<Record<string, string>> => {
      const { cert, key } = ca.server()
      return {
        state_dir: 'state_dir: ./elsewhere',
        store: 'store: { lease_s: 60 }',
        'identity.client_ca': `identity: { client_ca: ${ca.file} }\nimap: { tls: { cert: ${cert}, key: ${key} } }`,
        'imap.enabled': 'imap: { enabled: false }',
        'imap.listen': 'imap: { listen: ["127.0.0.1:2143"] }',
        'imap.listen_tls': `imap: { listen_tls: ["127.0.0.1:2993"], tls: { cert: ${cert}, key: ${key} } }`,
        'imap.tls': `imap: { tls: { cert: ${cert}, key: ${key} } }`,
        admin: 'admin: { listen: "127.0.0.1:9143" }',
      }
    }
    it('each of them has an edit here, but policy.source, which has one value', () => {
      const keys = START_KEYS.map((key) => key.join('.')).filter((key) => key !== 'policy.source')
      assert.deepEqual(Object.keys(edits()).sort(), keys.sort())
    })
    it('keeps its value and is told to wait, while the rest of the edit is taken', async () => {
      const { dir, write } = site('enforcement: policy\n')
      const { changed, source } = start(dir)
      const before = source.current()
      for (const [key, edit] of Object.entries(edits())) {
        const enforcement = source.current().enforcement === 'off' ? 'monitor' : 'off'
        write(`enforcement: ${enforcement}\n${edit}\n`)
        assert.deepEqual(await changed(), { ...before, enforcement }, key)
        assert.ok(source.waiting().includes(key), `${key} waits: ${source.waiting().join(' ')}`)
      }
      write('enforcement: policy\n')
      await changed()
      assert.deepEqual(source.waiting(), [], 'taken back, nothing waits')
    })
    it('every other key is taken at once', async () => {
      const { dir, write } = site('{}')
      const { changed, source } = start(dir)
      write(`
enforcement: monitor
fail_mode: open
identity: { unidentified: block, tag: { separator: "+", key_file: other.key }, exempt_networks: [10.0.0.0/8], certificate_device: registered, oauth: {
  issuer: https://login.example.com/, audience: mail, jwks_uri: https://login.example.com/keys, device_claim: device_id } }
smtp: { enabled: false }
imap:
  proxy_networks: [10.0.0.5]
  forwarding_networks: [10.0.0.6]
  plaintext_login: always
  upstream: { host: imap.example.com, port: 993, tls: implicit, ca: ${ca.file} }
  limits: { connections: 1, per_address: 1, login_s: 1, line: 512, literal: 512 }
  revoke_spread_s: 0
`)
      const { enforcement, failMode, identity, smtp, imap } = await changed()
      assert.deepEqual(source.waiting(), [])
      assert.deepEqual(
        { enforcement, failMode, identity, smtp, imap },
        {
          enforcement: 'monitor',
          failMode: 'open',
          identity: {
            unidentified: 'block',
            tag: { separator: '+', keyFile: path.join(dir, 'config', 'other.key') },
            clientCa: null,
            certificateDevice: 'registered',
            oauth: {
              issuer: 'https://login.example.com/',
              audience: 'mail',
              jwksUri: 'https://login.example.com/keys',
              userClaim: 'sub',
              deviceClaim: 'device_id',
            },
            exemptNetworks: ['10.0.0.0/8'],
          },
          smtp: { enabled: false },
          imap: {
            enabled: true,
            listen: [{ host: '127.0.0.1', port: 1143 }],
            listenTls: [],
            tls: null,
            proxyNetworks: ['10.0.0.5'],
            forwardingNetworks: ['10.0.0.6'],
            plaintextLogin: 'always',
            upstream: { host: 'imap.example.com', port: 993, tls: 'implicit', ca: ca.file },
            limits: { connections: 1, perAddress: 1, loginS: 1, line: 512, literal: 512 },
            revokeSpreadS: 0,
          },
        },
      )
    })
  })

  describe('a worker that is started later', () => {
    it('while the file is bad, goes by the config in force, and is told', () => {
      const { dir, write } = site('enforcement: monitor\n')
      start(dir)
      write(BAD)
      checkHostConfig(dir, 'worker')
      const { source } = start(dir, 'worker')
      assert.equal(source.current().enforcement, 'monitor')
      assert.deepEqual(told(source.problems()), BAD_TOLD)
    })
    it('goes by the newest good edit, not by that of the start', async () => {
      const { dir, write } = site('enforcement: monitor\n')
      const { changed, problems } = start(dir)
      write('enforcement: off\n')
      await changed()
      await problems()
      write(BAD)
      assert.equal(start(dir, 'worker').source.current().enforcement, 'off')
    })
    it('has the start keys of the others, and the rest of the file as it is now', async () => {
      const { dir, write } = site('state_dir: ./var\n')
      const { changed } = start(dir)
      write('state_dir: ./elsewhere\nenforcement: off\n')
      await changed()
      const { source } = start(dir, 'worker')
      assert.equal(source.current().stateDir, path.join(dir, 'var'))
      assert.equal(source.current().enforcement, 'off')
    })
    it('takes the edit that mends the file', async () => {
      const { dir, write } = site('enforcement: monitor\n')
      start(dir)
      write(BAD)
      const { changed, source } = start(dir, 'worker')
      write('enforcement: off\n')
      assert.equal((await changed()).enforcement, 'off')
      assert.deepEqual(source.problems(), [])
    })
    it('is refused while the file is bad and there is no config in force', () => {
      assert.throws(() => start(site(BAD).dir, 'worker'), ConfigError)
    })
  })

  describe('for a command line', () => {
    it('a good file is the config, whether the gate runs or not', () => {
      const { config, problems } = readConfigOrInForce(site('enforcement: off\n').dir)
      assert.equal(config.enforcement, 'off')
      assert.deepEqual(problems, [])
    })
    it('needs none of the keys and certificates that it names: a problem, no refusal', () => {
      const { config, problems } = readConfigOrInForce(
        site('enforcement: off\nimap: { upstream: { ca: nowhere.pem } }\n').dir,
      )
      assert.equal(config.enforcement, 'off')
      assert.match(told(problems).join('\n'), /imap\.upstream\.ca: \S+nowhere\.pem does not exist/)
    })
    const brokenFiles: readonly (readonly [how: string, text: string])[] = [
      ['a wrong value', 'state_dir: ./elsewhere\nenforcement: on\n'],
      ['a mistyped key', 'state_dir: ./elsewhere\nenforcment: off\n'],
      ['a syntax error behind it', 'state_dir: ./elsewhere\nimap: [\n'],
      ['with quotes and a comment', 'state_dir: "./elsewhere" # for now\nimap: [\n'],
      ['a syntax error before it', 'contact: Help: desk\nstate_dir: ./elsewhere\n'],
    ]
    for (const [how, text] of brokenFiles) {
      it(`a broken file still says where the config in force is: ${how}`, () => {
        const { dir, write } = site('state_dir: ./elsewhere\nenforcement: monitor\n')
        start(dir)
        write(text)
        const { config, problems } = readConfigOrInForce(dir)
        assert.equal(config.stateDir, path.join(dir, 'elsewhere'))
        assert.equal(config.enforcement, 'monitor')
        assert.ok(problems.length > 0)
      })
    }
    it('a file of which nothing can be made out: the config in force in the default place', () => {
      const { dir, write } = site('enforcement: monitor\n')
      start(dir)
      write('\0\0\0')
      assert.equal(readConfigOrInForce(dir).config.enforcement, 'monitor')
    })
    it('a broken file of a site that never ran: refused with its problems', () => {
      assert.throws(() => readConfigOrInForce(site(BAD).dir), ConfigError)
    })
  })

  it('the config in force is kept where only the gate’s user can read it', () => {
    const { dir } = site('enforcement: monitor\n')
    start(dir)
    const mode = (file: string): number => fs.statSync(path.join(dir, file)).mode & 0o777
    assert.equal(mode('var'), 0o700)
    assert.equal(mode('var/device_gate.in-force.yaml'), 0o600)
  })
})
