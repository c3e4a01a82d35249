import assert from 'node:assert/strict'

import { createTokenReader } from '../../src/identity/oauth-token'
import { bearerResponse, TokenIssuer } from '../support/token-issuer'
import { connectChannel } from '../transcripts/runner/channel'
import { FakeUpstream, MailServer } from './fake-upstream'
import { ImapGate, tagged } from './imap-gate'

const ANNA = 'anna@example.com'

describe('how logins end is counted', () => {
  let upstream: FakeUpstream
  let gate: ImapGate
  const issuer = new TokenIssuer()

  beforeEach(async () => {
    upstream = await FakeUpstream.start(new MailServer({ accounts: { [ANNA]: 'secret' } }).serve)
    const tokens = createTokenReader(issuer.rules(), issuer.keys())
    gate = await ImapGate.start({ upstream: { port: upstream.port }, tokens })
  })
  afterEach(async () => {
    await gate.close()
    upstream.close()
  })

  const logIn = (user: string, password: string): Promise<string> => say(`a LOGIN ${user} ${password}`)

  /** Gives the tagged answer; ends an exchange that has a challenge. */
  async function say(command: string): Promise<string> {
    const channel = await connectChannel(gate.port)
    try {
      await channel.line()
      channel.send(Buffer.from(`${command}\r\n`))
      for (;;) {
        const line = await channel.line()
        if (line.startsWith('a ')) return line
        if (line.startsWith('+')) channel.send(Buffer.from('\r\n'))
      }
    } finally {
      channel.destroy()
    }
  }

  const ends: readonly (readonly [
    title: string,
    prepare: () => unknown,
    user: string,
    password: string,
    counted: readonly string[],
  ])[] = [
    ['let in', () => undefined, ANNA, 'secret', ['imap_logins_total accepted']],
    [
      'warned and let in',
      () => gate.gate.outcomes.set(ANNA, 'warn'),
      ANNA,
      'secret',
      ['imap_logins_total accepted'],
    ],
    [
      'refused by the gate',
      () => gate.gate.outcomes.set(ANNA, 'block'),
      ANNA,
      'secret',
      ['imap_logins_total refused'],
    ],
    [
      'refused before the server is asked',
      () => gate.gate.outcomes.set('phone', 'block'),
      tagged(ANNA, 'phone'),
      'secret',
      ['imap_logins_total refused'],
    ],
    ['refused by the server', () => undefined, ANNA, 'wrong', ['imap_logins_total wrong_password']],
    ['without a password', () => undefined, ANNA, '""', ['imap_logins_total wrong_password']],
    [
      'with a tag that does not verify',
      () => undefined,
      tagged(ANNA, 'phone').replace('phone', 'other'),
      'secret',
      ['imap_logins_total wrong_tag'],
    ],
    [
      'while the server is down',
      () => upstream.close(),
      ANNA,
      'secret',
      ['imap_logins_total unavailable', 'upstream_errors_total connect'],
    ],
  ]
  for (const [title, prepare, user, password, counted] of ends) {
    it(`${title}: ${counted.join(', ')}`, async () => {
      prepare()
      await logIn(user, password)
      assert.deepEqual(
        gate.counts.counted(),
        Object.fromEntries(counted.map((name) => [`device_gate_${name}`, 1])),
      )
    })
  }

  const claims = issuer.claims(ANNA, 'phone')
  const tokens: readonly (readonly [title: string, token: string, ...counted: string[]])[] = [
    ['of a device', issuer.sign(claims), 'imap_logins_total wrong_password', 'oauth_tokens_total device'],
    ['of no device', issuer.token(ANNA), 'imap_logins_total wrong_password', 'oauth_tokens_total no_device'],
    ['that is wrong', 'opaque', 'imap_logins_total wrong_token', 'oauth_tokens_total wrong'],
    [
      'of an unknown key',
      issuer.sign(claims, { kid: 'new' }),
      'imap_logins_total wrong_password',
      'oauth_tokens_total unknown_key',
    ],
  ]
  for (const [title, token, ...counted] of tokens)
    it(`a token ${title}: ${counted.join(', ')}`, async () => {
      const response = Buffer.from(bearerResponse.XOAUTH2(ANNA, token)).toString('base64')
      await say(`a AUTHENTICATE XOAUTH2 ${response}`)
      assert.deepEqual(
        gate.counts.counted(),
        Object.fromEntries(counted.map((name) => [`device_gate_${name}`, 1])),
      )
    })
})
