import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

import { json, LocalSource } from '../feeds/local-source'
import { deviceLine } from '../support/device-line'
import { Dialogue } from '../support/dialogue'
import { Dovecot } from '../support/dovecot'
import { eventually } from '../support/eventually'
import { HarakaSite } from '../support/haraka-site'
import { bearerResponse, TokenIssuer } from '../support/token-issuer'

const USER = 'anna@example.com'
const SECRET = randomBytes(32)

const base64url = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A JWT (RFC 7519) as the site's identity provider would issue it. */
function token(expiresInS: number): string {
  const now = Math.floor(Date.now() / 1000)
  const body = `${base64url({ alg: 'HS256', typ: 'JWT' })}.${base64url({ sub: USER, iat: now - 60, exp: now + expiresInS })}`
  return `${body}.${createHmac('sha256', SECRET).update(body).digest('base64url')}`
}

/** Dovecot checks tokens itself, against the keys in `dir`: by algorithm, then by key id. */
function oauthSettings(dir: string, keys: Readonly<Record<string, string>>): string {
  for (const [name, key] of Object.entries(keys)) {
    const file = path.join(dir, 'default', name)
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(file, key)
  }
  const settings = path.join(dir, 'oauth2.conf')
  fs.writeFileSync(
    settings,
    `introspection_mode = local\nlocal_validation_key_dict = fs:posix:prefix=${dir}/\nusername_attribute = sub\n`,
  )
  return `auth_mechanisms = plain xoauth2 oauthbearer
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = ${settings}
}`
}

const keyDirectory = (): string => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'device-gate-oauth-'))
  fs.chmodSync(dir, 0o755)
  return dir
}

describe('a login with an OAuth token', () => {
  let keys: string
  let dovecot: Dovecot
  let site: HarakaSite

  before(async () => {
    keys = keyDirectory()
    const settings = oauthSettings(keys, { 'HS256/default': SECRET.toString('base64') })
    dovecot = await Dovecot.start({ users: { [USER]: 'secret' }, settings })
    site = await HarakaSite.create({
      policy: 'mode: enforce\n',
      hostConfig: 'identity: { unidentified: owner }',
      upstreamPort: dovecot.port,
    })
    await site.start()
  })
  after(async () => {
    await site.remove()
    await dovecot.remove()
    fs.rmSync(keys, { recursive: true })
  })

  const open = async (): Promise<Dialogue> => {
    const client = await Dialogue.connect(site.imapPort)
    await client.until(/^\* OK /)
    return client
  }

  for (const [mechanism, build] of Object.entries(bearerResponse)) {
    const encoded = (given: string): string => Buffer.from(build(USER, given)).toString('base64')

    it(`${mechanism}: a good token opens the mailbox`, async () => {
      const client = await open()
      assert.match(await client.ask(`a AUTHENTICATE ${mechanism} ${encoded(token(600))}`, /^a /), /^a OK /m)
      assert.match(await client.ask('b SELECT INBOX', /^b /), /^b OK /m)
      client.close()
    })

    it(`${mechanism}: an ended token gets the upstream’s challenge, then its NO`, async () => {
      const client = await open()
      assert.equal(await client.ask(`a AUTHENTICATE ${mechanism}`, /^/), '+ \r\n')
      const challenge = await client.ask(encoded(token(-30)), /^/)
      const told = JSON.parse(Buffer.from(challenge.slice(2), 'base64').toString()) as { status?: string }
      assert.match(String(told.status), /^(invalid_token|401)$/)
      // RFC 7628 3.2.3: the client ends the exchange; only then it is told the outcome.
      assert.match(await client.ask('AQ==', /^a /), /^a NO \[AUTHENTICATIONFAILED\] /)
      assert.match(await client.ask(`b LOGIN ${USER} secret`, /^b /), /^b OK /m)
      client.close()
    })
  }
})

describe('a login with an OAuth token that names its device', () => {
  const issuer = new TokenIssuer()
  const good = issuer.token(USER, 'good')
  const bad = issuer.token(USER, 'bad')
  let keys: string
  let source: LocalSource
  let dovecot: Dovecot
  let site: HarakaSite

  before(async () => {
    keys = keyDirectory()
    source = await LocalSource.start(() => json({ keys: issuer.jwks() }))
    // The upstream knows a key more than the issuer tells the gate of.
    const pem = issuer.publicPem('RS256')
    dovecot = await Dovecot.start({
      users: { [USER]: 'secret' },
      settings: oauthSettings(keys, { 'RS256/rs': pem, 'RS256/new': pem }),
    })
    const { issuer: iss, audience } = issuer
    const oauth = { issuer: iss, audience, jwks_uri: `${source.url}/keys`, device_claim: 'device_id' }
    site = await HarakaSite.create({
      nodes: 2,
      policy: 'mode: enforce\n',
      hostConfig: `identity: { unidentified: owner, oauth: ${JSON.stringify(oauth)} }`,
      upstreamPort: dovecot.port,
    })
    await site.run('device', 'put', deviceLine({ id: 'good', owners: [USER] }))
    await site.run('device', 'put', deviceLine({ id: 'bad', owners: [USER], state: 'noncompliant' }))
    await site.start()
  })
  after(async () => {
    await site.remove()
    await dovecot.remove()
    await source.close()
    fs.rmSync(keys, { recursive: true })
  })

  /** What the client is told in the end; `challenge` is sent where the exchange has one. */
  async function logIn(token: string): Promise<string> {
    const client = await Dialogue.connect(site.imapPort)
    await client.until(/^\* OK /)
    const response = Buffer.from(bearerResponse.XOAUTH2(USER, token)).toString('base64')
    const heard = await client.ask(`a AUTHENTICATE XOAUTH2 ${response}`, /^(a |\+)/)
    const told = /^\+/m.test(heard) ? heard + (await client.ask('', /^a /)) : heard
    client.close()
    return told
  }
  const known = (): Promise<void> => eventually(async () => assert.match(await logIn(good), /^a OK /m))

  it('is decided by that device, and by no other of the same person', async () => {
    await known()
    assert.match(await logIn(bad), /^\* OK \[ALERT\] .*\r\na NO \[CONTACTADMIN\] /m)
    const block = await eventually(() => {
      const found = site.blockLog().find(({ device }) => device === 'bad')
      assert.ok(found)
      return found
    })
    assert.deepEqual([block['proof'], block['user'], block['reason']], ['oauth', USER, 'noncompliant'])
    const [, decision = ''] = /\((\w{8})\)/.exec(await logIn(bad)) ?? []
    assert.match(await site.run('why', decision), /device bad, proven by oauth/)
  })

  it('goes by the worst of the person’s devices where it names none', async () => {
    assert.match(await logIn(issuer.token(USER)), /^a NO \[CONTACTADMIN\] /m)
  })

  it('that the upstream takes under a key that the issuer does not name is put off, in the block log too', async () => {
    const claims = issuer.claims(USER, 'good')
    assert.match(await logIn(issuer.sign(claims, { kid: 'new' })), /^a NO \[UNAVAILABLE\] /m)
    await eventually(() => assert.ok(site.blockLog().some(({ reason }) => reason === 'fault_closed')))
  })

  it('that has ended is refused as the upstream would', async () => {
    const ended = issuer.sign({ ...issuer.claims(USER, 'good'), exp: 1_000_000_000 })
    assert.match(await logIn(ended), /^\+ [A-Za-z0-9+/=]+\r\na NO \[AUTHENTICATIONFAILED\] /m)
  })

  it('in mode monitor is for the upstream alone to refuse', async () => {
    await site.run('mode', 'monitor', '--reason', 'a test')
    for (const token of [bad, issuer.sign(issuer.claims(USER, 'good'), { kid: 'new' })])
      assert.match(await logIn(token), /^a OK /m)
    const otherAudience = issuer.sign({ ...issuer.claims(USER, 'good'), aud: 'https://other.example.com' })
    assert.match(await logIn(otherAudience), /^a OK /m)
    await site.run('mode', 'policy', '--reason', 'a test')
    assert.match(await logIn(otherAudience), /^a NO \[AUTHENTICATIONFAILED\] /m)
  })

  it('needs no issuer at a start: the last keys count', async () => {
    await site.stop()
    source.answer = () => ({ status: 503 })
    await site.start()
    assert.match(await logIn(good), /^a OK /m)
    await eventually(async () =>
      assert.match(await site.run('status'), /^OAUTH KEYS: +the issuer's key set answers 503$/m),
    )
  })

  it('comes into no log and no file', async () => {
    const output = site.haraka.output
    await site.stop()
    const files = fs
      .readdirSync(path.join(site.dir, 'var'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name))
    assert.ok(files.some((file) => file.endsWith('oauth-keys.json')))
    for (const place of [output, ...files.map((file) => fs.readFileSync(file, 'latin1'))])
      for (const token of [good, bad])
        for (const part of token.split('.').slice(1)) assert.ok(!place.includes(part))
  })
})
