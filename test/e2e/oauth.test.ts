import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

import { Dialogue } from '../support/dialogue'
import { Dovecot } from '../support/dovecot'
import { HarakaSite } from '../support/haraka-site'

const USER = 'anna@example.com'
const SECRET = randomBytes(32)

const base64url = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A JWT (RFC 7519) as the site's identity provider would issue it. */
function token(expiresInS: number): string {
  const now = Math.floor(Date.now() / 1000)
  const body = `${base64url({ alg: 'HS256', typ: 'JWT' })}.${base64url({ sub: USER, iat: now - 60, exp: now + expiresInS })}`
  return `${body}.${createHmac('sha256', SECRET).update(body).digest('base64url')}`
}

/** Dovecot checks tokens itself, against the key in `dir`. */
function oauthSettings(dir: string): string {
  const keys = path.join(dir, 'default', 'HS256')
  fs.mkdirSync(keys, { recursive: true })
  fs.writeFileSync(path.join(keys, 'default'), SECRET.toString('base64'))
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

const response: Readonly<Record<string, (token: string) => string>> = {
  XOAUTH2: (given) => `user=${USER}\x01auth=Bearer ${given}\x01\x01`,
  OAUTHBEARER: (given) => `n,a=${USER},\x01auth=Bearer ${given}\x01\x01`,
}

describe('a login with an OAuth token', () => {
  let keys: string
  let dovecot: Dovecot
  let site: HarakaSite

  before(async () => {
    keys = fs.mkdtempSync(path.join(os.tmpdir(), 'device-gate-oauth-'))
    fs.chmodSync(keys, 0o755)
    dovecot = await Dovecot.start({ users: { [USER]: 'secret' }, settings: oauthSettings(keys) })
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

  for (const [mechanism, build] of Object.entries(response)) {
    const encoded = (given: string): string => Buffer.from(build(given)).toString('base64')

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
