import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import type { ImapFlow } from 'imapflow'

import { Dialogue } from '../support/dialogue'
import { Dovecot } from '../support/dovecot'
import { HarakaSite } from '../support/haraka-site'
import { imapClient } from '../support/mail-client'

const USER = 'anna@example.com'
const PASSWORD = 'secret'
const AUTH = { user: USER, pass: PASSWORD }
/** Everything that a careless proxy would read as syntax. */
const AWKWARD = { user: 'b(e) {3+}@example.com', pass: 'p"a\\s ()s%*{5+}w\u00f6rd' }
const LETTER = 'From: ben@example.com\r\nSubject: hello\r\n\r\nLunch?\r\n'
const LARGE_OCTETS = 12 * 1024 * 1024

const digest = (octets: string | Buffer): string => createHash('sha256').update(octets).digest('hex')
const base64 = (text: string): string => Buffer.from(text).toString('base64')
const octets = (text: string): number => Buffer.byteLength(text)

/** A message as large as a phone's video, with every octet that a line may carry. */
function largeMessage(): string {
  const lines =
    randomBytes(LARGE_OCTETS)
      .toString('base64')
      .match(/.{1,76}/g) ?? []
  return `From: ben@example.com\r\nSubject: large\r\n\r\n${lines.join('\r\n')}\r\n`
}

describe('an IMAP session through the gate', () => {
  let dovecot: Dovecot
  let site: HarakaSite

  before(async () => {
    dovecot = await Dovecot.start({
      users: { [USER]: PASSWORD, [AWKWARD.user]: AWKWARD.pass },
      settings: 'auth_username_chars =',
    })
    dovecot.deliver(USER, LETTER)
    site = await HarakaSite.create({ nodes: 2, policy: 'mode: enforce\n', upstreamPort: dovecot.port })
    await site.start()
  })
  after(async () => {
    await site.remove()
    await dovecot.remove()
  })

  const open = async (from?: string): Promise<Dialogue> => {
    const client = await Dialogue.connect(site.imapPort, from)
    await client.until(/^\* OK /)
    return client
  }
  const session = async <T>(use: (client: ImapFlow) => Promise<T>): Promise<T> => {
    const client = imapClient(site.imapPort, AUTH)
    await client.connect()
    try {
      return await use(client)
    } finally {
      await client.logout()
    }
  }

  describe('logs in with names and passwords of any octets', () => {
    const { user, pass } = AWKWARD
    const quoted = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&')}"`
    /** What the client sends; each piece but the last waits for a continuation. */
    const ways: Readonly<Record<string, readonly string[]>> = {
      'LOGIN with quoted strings': [`a LOGIN ${quoted(user)} ${quoted(pass)}`],
      'LOGIN with literals': [`a LOGIN {${octets(user)}}`, `${user} {${octets(pass)}}`, pass],
      'LOGIN with non-synchronising literals': [
        `a LOGIN {${octets(user)}+}\r\n${user} {${octets(pass)}+}\r\n${pass}`,
      ],
      'AUTHENTICATE PLAIN with the response in the command': [
        `a AUTHENTICATE PLAIN ${base64(`\0${user}\0${pass}`)}`,
      ],
      'AUTHENTICATE PLAIN': ['a AUTHENTICATE PLAIN', base64(`\0${user}\0${pass}`)],
      'AUTHENTICATE LOGIN': ['a AUTHENTICATE LOGIN', base64(user), base64(pass)],
    }
    for (const [name, pieces] of Object.entries(ways)) {
      it(name, async () => {
        const client = await open()
        for (const piece of pieces.slice(0, -1)) assert.match(await client.ask(piece, /^/), /^\+ /)
        assert.match(await client.ask(pieces.at(-1) ?? '', /^a /), /^a OK /m)
        assert.match(await client.ask('b SELECT INBOX', /^b /), /^b OK /m)
        client.close()
      })
    }
  })

  it('tells a wrong password in the words of the upstream, and takes the right one after it', async () => {
    const client = await open()
    const direct = await Dialogue.connect(dovecot.port)
    await direct.until(/^\* OK /)
    const command = `a LOGIN ${USER} wrong`
    assert.equal(await client.ask(command, /^a /), await direct.ask(command, /^a /))
    assert.match(await client.ask(`b LOGIN ${USER} ${PASSWORD}`, /^b /), /^b OK /m)
    client.close()
    direct.close()
  })

  it('answers a cancelled exchange with BAD and goes on', async () => {
    const client = await open()
    assert.equal(await client.ask('a AUTHENTICATE PLAIN', /^/), '+ \r\n')
    assert.match(await client.ask('*', /^a /), /^a BAD /)
    assert.match(await client.ask(`b LOGIN ${USER} ${PASSWORD}`, /^b /), /^b OK /m)
    client.close()
  })

  it('hands on what was pipelined behind LOGIN, once and in order', async () => {
    const client = await open()
    client.send(`a LOGIN ${USER} ${PASSWORD}\r\nb SELECT INBOX\r\nc FETCH 1 BODY.PEEK[]\r\nd LOGOUT\r\n`)
    const dialogue = await client.ended()
    const tagged = [...dialogue.matchAll(/^([a-d]) (\w+) /gm)].map(([, tag, status]) => `${tag} ${status}`)
    assert.deepEqual(tagged, ['a OK', 'b OK', 'c OK', 'd OK'])
    assert.ok(dialogue.includes(LETTER))
  })

  it('hears of a new message in IDLE', async () => {
    const client = await open()
    await client.ask(`a LOGIN ${USER} ${PASSWORD}`, /^a OK /)
    const selected = await client.ask('b SELECT INBOX', /^b OK /)
    const count = Number(/^\* (\d+) EXISTS/m.exec(selected)?.[1])
    await client.ask('c IDLE', /^\+ /)
    dovecot.deliver(USER, LETTER)
    await client.until(new RegExp(`^\\* ${count + 1} EXISTS$`))
    await client.ask('DONE', /^c OK /)
    client.close()
  })

  it('carries a large message both ways without changing an octet', async () => {
    const message = largeMessage()
    const uid = await session(async (client) => {
      const appended = await client.append('INBOX', message)
      return appended ? appended.uid : undefined
    })
    const { stdout } = await promisify(execFile)(
      'curl',
      ['-s', `imap://127.0.0.1:${site.imapPort}/INBOX;UID=${uid}`, '--user', `${USER}:${PASSWORD}`],
      { encoding: 'buffer', maxBuffer: 4 * LARGE_OCTETS },
    )
    assert.equal(digest(stdout), digest(message))
  })

  it('serves several connections of one phone at once', async () => {
    const subjects = await Promise.all(
      Array.from({ length: 5 }, () =>
        session(async (client) => {
          await client.mailboxOpen('INBOX')
          const found: string[] = []
          for await (const { envelope } of client.fetch('1:*', { envelope: true }))
            found.push(envelope?.subject ?? '')
          return found
        }),
      ),
    )
    for (const found of subjects) assert.deepEqual(found, subjects[0])
    assert.ok(subjects[0]?.includes('hello'))
  })

  it('shows the upstream the address of the client', async () => {
    const client = await open('127.0.0.2')
    await client.ask(`a LOGIN ${USER} ${PASSWORD}`, /^a OK /)
    assert.match(
      dovecot.log(),
      new RegExp(`Login: user=<${USER}>.* rip=127\\.0\\.0\\.2, lip=127\\.0\\.0\\.1`),
    )
    client.close()
  })

  it('offers no COMPRESS, whatever the upstream offers', async () => {
    const client = await open()
    const before = await client.ask('a CAPABILITY', /^a OK /)
    const login = await client.ask(`b LOGIN ${USER} ${PASSWORD}`, /^b OK /)
    assert.ok(!`${before}${login}`.includes('COMPRESS'))
    assert.match(login, /\[CAPABILITY IMAP4rev1 /)
    client.close()
  })
})
