import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'

import { ANNA, cliSites, record, type CliSite } from './site'

const SERVERS = ['--imap', 'imap.example.com', '--smtp', 'mail.example.com:587'] as const

/** What an XML parser of somebody else makes of a property list: its keys and values, flat. */
function readProfile(file: string): Record<string, unknown> {
  const script =
    'import json,plistlib,sys; print(json.dumps(plistlib.load(open(sys.argv[1],"rb")), default=lambda b: b.hex()))'
  return JSON.parse(execFileSync('python3', ['-c', script, file], { encoding: 'utf8' })) as Record<
    string,
    unknown
  >
}

type Payload = Record<string, unknown>

describe('device-gate profile', () => {
  const site = cliSites()

  async function enrolled(): Promise<CliSite> {
    await site().json('tag', 'rotate')
    await site().out('device', 'put', record())
    return site()
  }

  it('writes a mail account whose user name carries the tag, for the device’s owner', async () => {
    const { run, file, json } = bound(await enrolled())
    const out = file('anna.mobileconfig')
    const { code, out: told } = await run('profile', 'anna-phone', '--apple', ...SERVERS, '--out', out)
    assert.deepEqual({ code, told }, { code: 0, told: `${out}: mail of ${ANNA} on anna-phone, not signed\n` })
    const { name } = (await json('tag', 'issue', ANNA, 'anna-phone')) as { name: string }
    const profile = readProfile(out)
    const [mail, ...others] = profile['PayloadContent'] as Payload[]
    assert.deepEqual(others, [])
    assert.equal(profile['PayloadType'], 'Configuration')
    assert.equal(profile['PayloadOrganization'], 'example.com')
    assert.deepEqual(
      { ...mail, PayloadUUID: '', PayloadIdentifier: '' },
      {
        PayloadType: 'com.apple.mail.managed',
        PayloadVersion: 1,
        PayloadIdentifier: '',
        PayloadUUID: '',
        PayloadDisplayName: 'example.com mail',
        EmailAccountType: 'EmailTypeIMAP',
        EmailAccountDescription: 'example.com',
        EmailAccountName: ANNA,
        EmailAddress: ANNA,
        IncomingMailServerHostName: 'imap.example.com',
        IncomingMailServerPortNumber: 993,
        IncomingMailServerUseSSL: true,
        IncomingMailServerAuthentication: 'EmailAuthPassword',
        IncomingMailServerUsername: name,
        OutgoingMailServerHostName: 'mail.example.com',
        OutgoingMailServerPortNumber: 587,
        OutgoingMailServerUseSSL: true,
        OutgoingMailServerAuthentication: 'EmailAuthPassword',
        OutgoingMailServerUsername: name,
        OutgoingPasswordSameAsIncomingPassword: true,
      },
    )
    assert.equal(fs.statSync(out).mode & 0o777, 0o600)
  })

  it('is the same when it is made again, so that it takes the place of the one before', async () => {
    const { run, file } = bound(await enrolled())
    const [first, second] = [file('a'), file('b')]
    await run('profile', 'anna-phone', '--apple', ...SERVERS, '--out', first)
    await run('profile', 'anna-phone', '--apple', ...SERVERS, '--out', second)
    assert.equal(fs.readFileSync(first, 'utf8'), fs.readFileSync(second, 'utf8'))
  })

  it('carries names of any letters, and a certificate', async () => {
    const { run, file } = bound(await enrolled())
    fs.writeFileSync(file('id.p12'), Buffer.from([0x30, 0, 0xff]))
    const out = file('anna.mobileconfig')
    const names = [
      '--name',
      'Änna <&> "A"',
      '--organisation',
      'A & B ]]> GmbH',
      '--identifier',
      'org.ab.mail',
    ]
    await run(
      'profile',
      'anna-phone',
      '--apple',
      ...SERVERS,
      ...names,
      '--certificate',
      file('id.p12'),
      '--out',
      out,
    )
    const [mail, certificate] = readProfile(out)['PayloadContent'] as Payload[]
    assert.equal(mail?.['EmailAccountName'], 'Änna <&> "A"')
    assert.equal(mail['EmailAccountDescription'], 'A & B ]]> GmbH')
    assert.equal(certificate?.['PayloadType'], 'com.apple.security.pkcs12')
    assert.equal(certificate['PayloadContent'], '3000ff')
    assert.match(String(certificate['PayloadIdentifier']), /^org\.ab\.mail\..*\.certificate$/)
  })

  it('is signed so that openssl verifies it and gives the profile back', async () => {
    const { run, file } = bound(await enrolled())
    const [cert, key, out] = [file('cert.pem'), file('key.pem'), file('anna.mobileconfig')]
    const root = file('root.pem')
    const openssl = (...argv: string[]): Buffer => execFileSync('openssl', argv, { stdio: 'pipe' })
    const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
    const rootKey = file('root.key')
    openssl('req', '-x509', ...newKey, '-keyout', rootKey, '-out', root, '-subj', '/CN=Root', '-days', '2')
    const request = file('request')
    openssl('req', ...newKey, '-keyout', key, '-out', request, '-subj', '/CN=profiles.example.com')
    openssl('x509', '-req', '-in', request, '-CA', root, '-CAkey', rootKey, '-days', '2', '-out', cert)
    const signing = ['--sign-cert', cert, '--sign-key', key, '--sign-chain', root]
    const { code, err } = await run('profile', 'anna-phone', '--apple', ...SERVERS, ...signing, '--out', out)
    assert.deepEqual({ code, err }, { code: 0, err: '' })
    const plain = file('plain')
    const purpose = ['-purpose', 'any', '-out', plain]
    openssl('cms', '-verify', '-inform', 'der', '-in', out, '-CAfile', root, ...purpose)
    assert.equal(readProfile(plain)['PayloadType'], 'Configuration')
  })

  it('fills in the managed configuration of an app for Android', async () => {
    const { run, file, json } = bound(await enrolled())
    const [template, out] = [file('app.json'), file('anna.json')]
    const app = {
      email: '${user}',
      title: '${organisation}: ${name} on ${device}',
      in: { server: '${imap_host}:${imap_port}', port: 993, user: '${login}' },
      out: { server: '${smtp_host}:${smtp_port}', user: '${login}' },
    }
    fs.writeFileSync(template, JSON.stringify(app))
    const argv = ['profile', 'anna-phone', '--android', '--template', template, ...SERVERS]
    const { code, out: told } = await run(...argv, '--name', 'Anna', '--out', out)
    assert.deepEqual(
      { code, told },
      { code: 0, told: `${out}: mail of ${ANNA} on anna-phone, by ${template}\n` },
    )
    const { name } = (await json('tag', 'issue', ANNA, 'anna-phone')) as { name: string }
    assert.deepEqual(JSON.parse(fs.readFileSync(out, 'utf8')), {
      email: ANNA,
      title: 'example.com: Anna on anna-phone',
      in: { server: 'imap.example.com:993', port: 993, user: name },
      out: { server: 'mail.example.com:587', user: name },
    })
    assert.equal(fs.statSync(out).mode & 0o777, 0o600)
    assert.deepEqual(await json(...argv, '--out', out), {
      device: 'anna-phone',
      user: ANNA,
      file: out,
      template,
    })
  })

  it('writes nothing where the template is wrong, and says where it is', async () => {
    const { run, file } = bound(await enrolled())
    const [template, out] = [file('app.json'), file('anna.json')]
    fs.writeFileSync(template, '{"login": "${login}", "server": "${imap_host}"}')
    const argv = ['profile', 'anna-phone', '--android', '--template', template, '--out', out]
    assert.deepEqual(await run(...argv), {
      code: 1,
      out: '',
      err: `device-gate: ${template}: server: \${imap_host} needs --imap\n`,
    })
    assert.equal(fs.existsSync(out), false)
  })

  describe('is refused', () => {
    const cases: readonly [why: string, argv: readonly string[], code: number, err: RegExp][] = [
      ['without a kind', [...SERVERS, '--out', 'x'], 2, /--apple/],
      [
        'for both kinds',
        ['--apple', '--android', '--template', 't', ...SERVERS, '--out', 'x'],
        2,
        /say for what/,
      ],
      [
        'for Android without a template',
        ['--android', '--out', 'x'],
        2,
        /--android and --template go together/,
      ],
      [
        'for Apple with a template',
        ['--apple', '--template', 't', ...SERVERS, '--out', 'x'],
        2,
        /--android and --template go together/,
      ],
      [
        'for Android with a signer',
        ['--android', '--template', 't', '--sign-cert', 'c', '--sign-key', 'k', '--out', 'x'],
        2,
        /go with --apple only/,
      ],
      [
        'with a template that is not there',
        ['--android', '--template', 'no.json', '--out', 'x'],
        1,
        /no\.json cannot be read/,
      ],
      ['without a server', ['--apple', '--imap', 'a', '--out', 'x'], 2, /--smtp/],
      [
        'for a server that is none',
        ['--apple', '--imap', 'a b', '--smtp', 'c', '--out', 'x'],
        2,
        /--imap "a b" is no host/,
      ],
      [
        'for a port that is none',
        ['--apple', '--imap', 'a:0', '--smtp', 'c', '--out', 'x'],
        2,
        /--imap "a:0" is no host/,
      ],
      ['with half of a signer', ['--apple', ...SERVERS, '--sign-cert', 'c', '--out', 'x'], 2, /go together/],
      [
        'with a signer that is not there',
        ['--apple', ...SERVERS, '--sign-cert', 'no', '--sign-key', 'no', '--out', 'x'],
        1,
        /openssl cannot sign with no and no/,
      ],
      [
        'with a certificate that is not there',
        ['--apple', ...SERVERS, '--certificate', 'no.p12', '--out', 'x'],
        1,
        /no\.p12 cannot be read/,
      ],
      [
        'where it cannot be written',
        ['--apple', ...SERVERS, '--out', '/nowhere/x'],
        1,
        /\/nowhere\/x cannot be written/,
      ],
    ]
    for (const [why, argv, code, err] of cases)
      it(why, async () => {
        const answer = await (await enrolled()).run('profile', 'anna-phone', ...argv)
        assert.equal(answer.code, code, answer.err)
        assert.match(answer.err, err)
      })

    it('for a device of two owners, unless it is said whose', async () => {
      const { run, file } = bound(await enrolled())
      await site().out('device', 'put', record({ owners: [ANNA, 'ben@example.com'], version: 8 }))
      const argv = ['profile', 'anna-phone', '--apple', ...SERVERS, '--out', file('p')] as const
      const refused = await run(...argv)
      assert.deepEqual(
        [refused.code, refused.err],
        [2, 'device-gate: device anna-phone has 2 owners: say whose mail it is by --user\n'],
      )
      assert.equal((await run(...argv, '--user', 'ben@example.com')).code, 0)
    })

    it('without a tag key', async () => {
      await site().out('device', 'put', record())
      const { code, err } = await site().run(
        'profile',
        'anna-phone',
        '--apple',
        ...SERVERS,
        '--out',
        site().file('p'),
      )
      assert.deepEqual(
        [code, err],
        [1, 'device-gate: there is no key yet: make one with device-gate tag rotate\n'],
      )
    })
  })
})

describe('device-gate tag export', () => {
  const site = cliSites()

  it('has a row for each device and owner, whose names are valid tags', async () => {
    await site().json('tag', 'rotate')
    await site().out('device', 'put', record({ owners: [ANNA, 'ben@example.com'] }))
    await site().out('device', 'put', record({ id: 'a,"b"', platform: 'android' }))
    const file = site().file('tags.csv')
    assert.equal((await site().run('tag', 'export', file)).out, `${file}: 3 tagged user names\n`)
    const [heading, ...rows] = fs.readFileSync(file, 'utf8').split('\r\n').slice(0, -1)
    assert.equal(heading, 'device,user,name')
    assert.deepEqual(
      rows.map((row) => row.slice(0, row.lastIndexOf(','))),
      [`"a,""b""",${ANNA}`, `anna-phone,${ANNA}`, 'anna-phone,ben@example.com'],
    )
    for (const row of rows) {
      const name = row.slice(row.lastIndexOf(',') + 1)
      assert.equal(((await site().json('tag', 'verify', name)) as { valid: boolean }).valid, true)
    }
    assert.equal(fs.statSync(file).mode & 0o777, 0o600)
  })

  it('has those of one platform, where one is asked for', async () => {
    await site().json('tag', 'rotate')
    await site().out('device', 'put', record())
    await site().out('device', 'put', record({ id: 'd-2', platform: 'android' }))
    const file = site().file('tags.csv')
    assert.deepEqual(await site().json('tag', 'export', file, '--platform', 'android'), { file, rows: 1 })
    assert.match(
      (await site().run('tag', 'export', file, '--platform', 'symbian')).err,
      /is none of ios, android/,
    )
  })
})

/** The methods that a test uses most, without the site in front. */
const bound = (one: CliSite) => ({
  run: (...argv: string[]) => one.run(...argv),
  file: (...names: string[]) => one.file(...names),
  json: (...argv: string[]) => one.json(...argv),
})
