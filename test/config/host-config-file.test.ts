import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'

import { formatProblem } from '../../src/config/config-problem'
import { parseHostConfig } from '../../src/config/host-config-file'
import { CertificateAuthority } from '../support/certificates'
import { tempDirs } from '../support/temp-dir'

const FILE = 'device_gate.yaml'

function parse(text: string, harakaDir = '/nowhere') {
  return parseHostConfig(text, { file: path.join(harakaDir, 'config', FILE), harakaDir })
}

const told = (problems: readonly Parameters<typeof formatProblem>[0][]): string[] =>
  problems.map((problem) => formatProblem(problem).replace(`${FILE}:`, ''))

function problemsOf(text: string): string[] {
  const reading = parse(text)
  return reading.ok ? [] : told(reading.problems)
}

describe('device_gate.yaml', () => {
  describe('a mistake is told with line, column, key and what to do', () => {
    const mistakes: readonly (readonly [title: string, text: string, ...problems: string[]])[] = [
      ['a mistyped key', 'enforcment: off', '1:1 enforcment: unknown key; did you mean "enforcement"?'],
      [
        'a mistyped key further in',
        'imap:\n  limits:\n    conections: 5\n',
        '3:5 imap.limits.conections: unknown key; did you mean "connections"?',
      ],
      [
        'a key from elsewhere',
        'smtp:\n  hostname: mx\n',
        '2:3 smtp.hostname: unknown key; known here: enabled',
      ],
      [
        'text for a number',
        'imap: { upstream: { port: imap } }',
        '1:21 imap.upstream.port: must be a whole number (found "imap")',
      ],
      [
        'a number in quotes',
        'imap: { upstream: { port: "143" } }',
        '1:21 imap.upstream.port: must be a whole number (found "143")',
      ],
      [
        'a fraction',
        'imap: { upstream: { port: 143.5 } }',
        '1:21 imap.upstream.port: must be a whole number (found 143.5)',
      ],
      [
        'a port too high',
        'imap: { upstream: { port: 65536 } }',
        '1:21 imap.upstream.port: must be <= 65535 (found 65536)',
      ],
      [
        'infinity',
        'imap: { limits: { line: .inf } }',

        '1:19 imap.limits.line: must be a whole number (found Infinity)',
      ],
      ['a word for true', 'smtp: { enabled: yes }', '1:9 smtp.enabled: must be true or false (found "yes")'],
      ['a list for a mapping', 'imap: [1143]', '1:1 imap: must be a mapping (found [1143])'],
      [
        'one address for a list',
        'imap: { listen: "0.0.0.0:143" }',
        '1:9 imap.listen: must be a list (found "0.0.0.0:143")',
      ],
      [
        'a word that is none of the choices',
        'fail_mode: shut',
        '1:1 fail_mode: must be one of closed, open (found "shut")',
      ],
      [
        'an address without a port',
        'imap:\n  listen: [127.0.0.1]\n',
        '2:12 imap.listen[0]: must be "host:port" or "[v6]:port" (found "127.0.0.1")',
      ],
      [
        'a port without an address',
        'imap:\n  listen: [":143"]\n',
        '2:12 imap.listen[0]: must be "host:port" or "[v6]:port" (found ":143")',
      ],
      [
        'a v6 address without brackets',
        'imap:\n  listen:\n    - 127.0.0.1:1143\n    - ::1:143\n',
        '4:7 imap.listen[1]: must be "host:port" or "[v6]:port" (found "::1:143")',
      ],
      [
        'a v4 address in brackets',
        'imap: { listen: ["[127.0.0.1]:143"] }',
        '1:18 imap.listen[0]: must be "host:port" or "[v6]:port" (found "[127.0.0.1]:143")',
      ],
      [
        'a port of 65536',
        'imap: { listen: ["localhost:65536"] }',
        '1:18 imap.listen[0]: must be "host:port" or "[v6]:port" (found "localhost:65536")',
      ],
      [
        'a bad address of the admin server',
        'admin: { listen: 8143 }',
        '1:10 admin.listen: must be "host:port" or "[v6]:port" (found "8143")',
      ],
      [
        'an admin server beyond this host without TLS',
        'admin: { listen: "0.0.0.0:8143" }',
        '1:10 admin.listen: is beyond this host: that needs admin.tls.cert and admin.tls.key (found "0.0.0.0")',
      ],
      [
        'an admin server under a name that may lead anywhere, without TLS',
        'admin: { listen: "gate.example.com:8143" }',
        '1:10 admin.listen: is beyond this host: that needs admin.tls.cert and admin.tls.key (found "gate.example.com")',
      ],
      [
        'half of the admin server’s TLS',
        'admin: { tls: { cert: a.pem } }',
        '1:10 admin.tls: needs both cert and key, or neither',
      ],
      [
        'half of what tokens are checked by',
        'identity:\n  oauth: { issuer: https://login.example.com/, audience: mail }\n',
        '2:3 identity.oauth: needs issuer, audience, jwks_uri and device_claim, or none of them',
      ],
      ...[
        'http://login.example.com/keys',
        'file:///etc/keys',
        'login.example.com',
        'https://me:pw@login.example.com/',
      ].map(
        (uri) =>
          [
            `keys of tokens from ${uri}`,
            `identity: { oauth: { issuer: a, audience: b, device_claim: c, jwks_uri: "${uri}" } }`,
            '1:63 identity.oauth.jwks_uri: must be an https URL without a password, or http on loopback',
          ] as const,
      ),
      [
        'a network too wide',
        'identity: { exempt_networks: [10.0.0.0/33] }',
        '1:31 identity.exempt_networks[0]: must be a network such as 10.0.0.0/8 (found "10.0.0.0/33")',
      ],
      [
        'a network of half an address',
        'identity: { exempt_networks: [10.0/8] }',
        '1:31 identity.exempt_networks[0]: must be a network such as 10.0.0.0/8 (found "10.0/8")',
      ],
      [
        'a network by name',
        'identity: { exempt_networks: [webmail.example.com] }',
        '1:31 identity.exempt_networks[0]: must be a network such as 10.0.0.0/8 (found "webmail.example.com")',
      ],
      [
        'a network on one interface',
        'identity: { exempt_networks: ["fe80::1%eth0"] }',
        '1:31 identity.exempt_networks[0]: must be a network such as 10.0.0.0/8 (found "fe80::1%eth0")',
      ],
      [
        'a proxy by name',
        'imap: { proxy_networks: [haproxy.example.com] }',
        '1:26 imap.proxy_networks[0]: must be a network such as 10.0.0.0/8 (found "haproxy.example.com")',
      ],
      [
        'everybody as a proxy',
        'imap: { proxy_networks: [0.0.0.0/0] }',
        '1:26 imap.proxy_networks[0]: would believe whoever connects: name your proxies (found "0.0.0.0/0")',
      ],
      [
        'everybody as a forwarder',
        'imap: { forwarding_networks: [10.0.0.5, "::/0"] }',
        '1:41 imap.forwarding_networks[1]: would believe whoever connects: name your proxies (found "::/0")',
      ],
      [
        'a separator that escapes use',
        'identity: { tag: { separator: "%" } }',
        '1:20 identity.tag.separator: must be one of the characters # + ~ ! | (found "%")',
      ],
      [
        'a separator that YAML takes for a comment',
        'identity:\n  tag:\n    separator: #\n',
        '3:5 identity.tag.separator: has no value; give it one, or take the key out',
      ],
      [
        'TLS listeners without a certificate',
        'imap: { listen_tls: ["127.0.0.1:0"] }',
        '1:9 imap.listen_tls: needs imap.tls.cert and imap.tls.key',
      ],
      [
        'a certificate without its key',
        'imap: { tls: { cert: gate.pem } }',
        '1:9 imap.tls: needs both cert and key, or neither',
      ],
      [
        'device certificates without TLS',
        'identity: { client_ca: ca.pem }',
        '1:13 identity.client_ca: needs imap.tls.cert and imap.tls.key',
      ],
      ...[
        'http://gate.example.com',
        'gate.example.com',
        'https://gate.example.com/?a=b',
        'https://u:p@gate.example.com',
      ].map(
        (url) =>
          [
            `statements by links below ${url}`,
            `attestation: { url: "${url}" }`,
            '1:16 attestation.url: must be an https address such as https://gate.example.com; http only on loopback',
          ] as const,
      ),
      [
        'statements that never end',
        'attestation: { valid: 367d }',
        '1:16 attestation.valid: must be 1h to 366d (found "367d")',
      ],
      [
        'an age of the journal that is no duration',
        'journal: { max_age: 90 days }',
        '1:12 journal.max_age: must be a duration such as 12h, 90d or 400d (found "90 days")',
      ],
      [
        'an age of the journal that forgets at once',
        'journal: { max_age: 59m }',
        '1:12 journal.max_age: must be 1h to 3650d (found "59m")',
      ],
      [
        'an age of the journal that is no age',
        'journal: { max_age: 3651d }',
        '1:12 journal.max_age: must be 1h to 3650d (found "3651d")',
      ],
      [
        'a journal too small',
        'journal: { max_entries: 999 }',
        '1:12 journal.max_entries: must be >= 1000 (found 999)',
      ],
      [
        'a journal larger than any disk',
        'journal: { max_entries: 100000001 }',
        '1:12 journal.max_entries: must be <= 100000000 (found 100000001)',
      ],
      [
        'several mistakes at once',
        'enforcement: on\nimap:\n  port: 1\n',
        '1:1 enforcement: must be one of policy, monitor, off (found "on")',
        '3:3 imap.port: unknown key; known here: enabled, listen, listen_tls, tls, proxy_networks, forwarding_networks, plaintext_login, upstream, limits, revoke_spread_s',
      ],
    ]
    for (const [title, text, ...problems] of mistakes) {
      it(title, () => assert.deepEqual(problemsOf(text).sort(), problems.sort()))
    }
  })

  describe('a fleet on Redis', () => {
    it('needs the policy in its store', () => {
      assert.deepEqual(problemsOf('store:\n  kind: redis\npolicy:\n  source: file\n'), [
        '4:3 policy.source: must be fleet with store.kind: redis: the policy of a fleet lives in its store',
      ])
    })
    it('names a URL that cannot be one, without its password', () => {
      assert.deepEqual(problemsOf('store: { redis: { url: "redis://:canary@host:99999" } }'), [
        '1:19 store.redis.url: host 1 must be "host", "host:port" or "[v6]:port"',
      ])
    })
    it('has a prefix that makes a hash tag', () => {
      for (const prefix of ['":"', '"{x}"', '""', '"a b"'])
        assert.match(
          problemsOf(`store: { redis: { key_prefix: ${prefix} } }`)[0] ?? '',
          /key_prefix: must be 1 to 64/,
        )
    })
    it('is taken', () => {
      const reading = parse(
        'store: { kind: redis, redis: { url: "redis+sentinel://a,b/mail?password_file=pw" } }\npolicy: { source: fleet }',
      )
      assert.ok(reading.ok)
      const { target } = reading.config.store.redis
      assert.equal(target.kind, 'sentinel')
      assert.match(target.passwordFile ?? '', /config\/pw$/)
      assert.match(reading.fileProblems[0]?.problem ?? '', /config\/pw does not exist/)
    })
  })

  describe('taken', () => {
    it('a file with nothing but comments: the defaults', () =>
      assert.deepEqual(problemsOf('# nothing\n'), []))
    it('networks of both families, and single addresses', () => {
      const reading = parse('identity: { exempt_networks: [10.0.0.0/8, "2001:db8::/32", 192.0.2.1, "::1"] }')
      assert.ok(reading.ok)
      assert.deepEqual(reading.config.identity.exemptNetworks, [
        '10.0.0.0/8',
        '2001:db8::/32',
        '192.0.2.1',
        '::1',
      ])
    })
    it('addresses of both families, names, and port 0', () => {
      const reading = parse(
        'imap: { listen: ["0.0.0.0:143", "[::1]:143", "mail.example.com:1143", "127.0.0.1:0"] }',
      )
      assert.ok(reading.ok)
      assert.deepEqual(reading.config.imap.listen, [
        { host: '0.0.0.0', port: 143 },
        { host: '::1', port: 143 },
        { host: 'mail.example.com', port: 1143 },
        { host: '127.0.0.1', port: 0 },
      ])
    })
    for (const [url, base] of [
      ['https://gate.example.com/', 'https://gate.example.com'],
      ['https://example.com/gate/', 'https://example.com/gate'],
      ['http://[::1]:8143', 'http://[::1]:8143'],
    ] as const)
      it(`statements by links below ${url}`, () => {
        const reading = parse(`attestation: { url: "${url}", valid: 30d }`)
        assert.ok(reading.ok)
        assert.deepEqual(reading.config.attestation, { url: base, validMs: 30 * 86_400_000 })
      })
    it('a journal of ten million entries and a year', () => {
      const reading = parse('journal: { max_age: 366d, max_entries: 10000000, pseudonymise: true }')
      assert.ok(reading.ok)
      assert.deepEqual(reading.config.journal, {
        maxAgeMs: 366 * 86_400_000,
        maxEntries: 10_000_000,
        pseudonymise: true,
      })
    })
    it("state_dir from Haraka's directory, keys and certificates from its config directory, or absolute", () => {
      const reading = parse(
        'state_dir: ../var\nidentity: { tag: { key_file: keys/tag.key } }\nadmin: { token_file: /etc/token }',
      )
      assert.ok(reading.ok)
      const { stateDir, identity, admin } = reading.config
      assert.deepEqual(
        { stateDir, keyFile: identity.tag.keyFile, tokenFile: admin.tokenFile },
        { stateDir: '/var', keyFile: '/nowhere/config/keys/tag.key', tokenFile: '/etc/token' },
      )
    })
  })

  describe('the files that it names', () => {
    const tempDir = tempDirs()
    let ca: CertificateAuthority
    before(() => (ca = new CertificateAuthority()))
    after(() => ca.remove())

    function fileProblems(text: string, files: Readonly<Record<string, string>> = {}): string[] {
      const dir = tempDir()
      fs.mkdirSync(path.join(dir, 'config'))
      for (const [name, content] of Object.entries(files))
        fs.writeFileSync(path.join(dir, 'config', name), content, { mode: 0o600 })
      const reading = parse(text, dir)
      assert.ok(reading.ok, 'the text itself is valid')
      return told(reading.fileProblems).map((problem) => problem.replaceAll(`${dir}/config/`, ''))
    }

    it('usable ones are no problem', () => {
      const { cert, key } = ca.server()
      const text = `identity: { client_ca: ${ca.file} }\nimap: { tls: { cert: ${cert}, key: ${key} }, upstream: { ca: ${ca.file} } }`
      assert.deepEqual(fileProblems(text), [])
    })
    it('no tag key file yet is no problem: a site may have no tags', () => {
      assert.deepEqual(fileProblems('{}'), [])
    })
    it('missing ones', () => {
      assert.deepEqual(
        fileProblems(
          'identity: { client_ca: ca.pem }\nimap:\n  tls: { cert: a.pem, key: a.key }\n  upstream: { ca: up.pem }\n',
        ),
        [
          '1:13 identity.client_ca: ca.pem does not exist',
          '4:15 imap.upstream.ca: up.pem does not exist',
          '3:10 imap.tls.cert: a.pem does not exist',
          '3:23 imap.tls.key: a.key does not exist',
        ],
      )
    })
    it('a directory', () => {
      assert.deepEqual(
        fileProblems('identity: { tag: { key_file: . } }').map((p) => p.replace(/\/\S+/, 'DIR')),
        ['1:20 identity.tag.key_file: DIR is no regular file'],
      )
    })
    it('certificates that are none', () => {
      const files = { 'ca.pem': 'not a certificate\n', 'a.pem': '', 'a.key': '' }
      assert.deepEqual(
        fileProblems('identity: { client_ca: ca.pem }\nimap: { tls: { cert: a.pem, key: a.key } }', files),
        [
          '1:13 identity.client_ca: ca.pem holds no certificate in PEM form',
          '2:16 imap.tls.cert: a.pem holds no certificate in PEM form',
        ],
      )
    })
    it('a key of another certificate', () => {
      const [first, second] = [ca.server(), ca.server()]
      const [problem, ...more] = fileProblems(`imap: { tls: { cert: ${first.cert}, key: ${second.key} } }`)
      assert.deepEqual(more, [])
      assert.match(
        problem ?? '',
        /^1:\d+ imap\.tls\.key: \S+ is no key in PEM form that fits \S+: .*key values mismatch/,
      )
    })
    it('a damaged tag key file: its line, not the key', () => {
      const files = { 'device_gate_tag.key': '# keys\nAB not-a-key-but-secret 2026-01-01T00:00:00.000Z\n' }
      assert.deepEqual(fileProblems('{}', files), [
        '1:1 identity.tag.key_file: device_gate_tag.key:2 is not of the form "id key created"; restore the file from its backup',
      ])
    })
  })
})
