import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import fc from 'fast-check'

import { createTagReader, issueTag } from '../../src/identity/device-tag'
import { onUnrecognizedCommand } from '../../src/smtp/auth-hook'
import { sessionOf, type SmtpGate } from '../../src/smtp/smtp-gate'
import { loadAuthBase, TestConnection, type AuthHook } from './auth-dialogue'

const KEY = { id: 'K1', secret: Buffer.alloc(32, 7), createdAt: 0 }
const USER = 'anna@example.com'
const TAGGED = issueTag(KEY, '#', USER, 'phone')
const MAC = TAGGED.slice(-24)
const PASSWORD = 'secret'

const tags = createTagReader([KEY], '#')

const base64 = (text: string): string => Buffer.from(text).toString('base64')

interface Parts {
  readonly gate: SmtpGate | undefined
  readonly faults: unknown[]
}

function gateWith(tags: SmtpGate['tags']): Parts {
  const faults: unknown[] = []
  const gate: SmtpGate = {
    gate: undefined as never,
    tags,
    isExempt: () => false,
    enabled: () => true,
    now: () => 0,
    onFault: (error) => faults.push(error),
  }
  return { gate, faults }
}

const working = (): Parts => gateWith(() => tags)

/** A connection with the gate in front of auth_base: every param it was given, and the names it looked up. */
function connect(gate: SmtpGate | undefined): {
  connection: TestConnection
  seen: string[]
  asked: string[]
} {
  const seen: string[] = []
  const asked: string[] = []
  const plugin = loadAuthBase({ [USER]: PASSWORD }, asked)
  const hooks: AuthHook[] = [
    (next, connection, params) => onUnrecognizedCommand(gate, next, connection, params),
    (next, connection, params) => {
      seen.push(...params)
      plugin.hook_unrecognized_command(next, connection, params)
    },
  ]
  return { connection: new TestConnection(hooks), seen, asked }
}

const withoutGate = (): TestConnection => {
  const plugin = loadAuthBase({ [USER]: PASSWORD })
  return new TestConnection([
    (next, connection, params) => plugin.hook_unrecognized_command(next, connection, params),
  ])
}

/** How a client logs in, given the name and the password it was set up with. */
const LOGINS: Readonly<Record<string, (connection: TestConnection, name: string, password: string) => void>> =
  {
    'PLAIN with an initial response': (connection, name, password) =>
      void connection.line(`AUTH PLAIN ${base64(`\0${name}\0${password}`)}`),
    'PLAIN without': (connection, name, password) => {
      connection.line('AUTH PLAIN')
      connection.line(base64(`\0${name}\0${password}`))
    },
    LOGIN: (connection, name, password) => {
      connection.line('auth login')
      connection.line(base64(name))
      connection.line(base64(password))
    },
    'LOGIN with an initial response': (connection, name, password) => {
      connection.line(`AUTH LOGIN ${base64(name)}`)
      connection.line(base64(password))
    },
    'CRAM-MD5': (connection, name, password) => {
      const [challenge = ''] = connection.line('AUTH CRAM-MD5')
      const ticket = Buffer.from(challenge.slice(4), 'base64')
      connection.line(base64(`${name} ${createHmac('md5', password).update(ticket).digest('hex')}`))
    },
  }

/** Replies with what varies in them taken out: challenges have a time in them. */
const plainly = (said: readonly string[]): string[] =>
  said.map((reply) => reply.replace(/^334 P\S+$/, '334 challenge'))

for (const [how, logIn] of Object.entries(LOGINS)) {
  describe(`a login by AUTH ${how}`, () => {
    it('goes by the replies of the auth plugin alone, tagged or not', () => {
      const bare = withoutGate()
      logIn(bare, USER, PASSWORD)
      assert.match(bare.said.at(-1) ?? '', /^235 /)
      for (const name of [USER, TAGGED]) {
        const { connection } = connect(working().gate)
        logIn(connection, name, PASSWORD)
        assert.deepEqual(plainly(connection.said), plainly(bare.said))
        assert.equal(connection.notes.auth_user, USER)
      }
    })

    it('ends with a wrong tag as with a wrong password, word for word', () => {
      const bare = withoutGate()
      logIn(bare, USER, 'wrong')
      assert.match(bare.said.at(-1) ?? '', /^535 /)
      const { connection, seen } = connect(working().gate)
      logIn(connection, TAGGED.replace('phone', 'other'), PASSWORD)
      assert.deepEqual(plainly(connection.said), plainly(bare.said))
      assert.equal(connection.notes.auth_user, undefined)
      assert.ok(!seen.some((param) => text(param).includes(PASSWORD)))
    })

    it('hands over no part of a tag', () => {
      const { connection, seen } = connect(working().gate)
      logIn(connection, TAGGED, PASSWORD)
      assert.ok(!seen.some((param) => text(param).includes(MAC)))
    })

    it('is a temporary failure while the gate has not started', () => {
      const { connection, seen } = connect(undefined)
      logIn(connection, TAGGED, PASSWORD)
      assert.equal(connection.said[0], '454 4.7.0 Temporary authentication failure')
      assert.ok(!seen.includes('AUTH'))
    })

    it('is a temporary failure when reading the tag fails, and the fault is told', () => {
      const { gate, faults } = gateWith(() => {
        throw new Error('boom')
      })
      const { connection, seen } = connect(gate)
      logIn(connection, TAGGED, PASSWORD)
      assert.ok(connection.said.includes('454 4.7.0 Temporary authentication failure'))
      assert.notEqual(connection.notes.authenticating, true)
      assert.equal(String(faults[0]), 'Error: boom')
      assert.ok(!seen.some((param) => text(param).includes(MAC)))
    })
  })
}

/** A param and, since it may be base64 at any place in it, what is encoded there. */
const text = (param: string): string =>
  [param, ...param.split(' ').map((word) => Buffer.from(word, 'base64').toString())].join(' ')

describe('a login that is not one', () => {
  it('is cancelled at any point, and another can be begun', () => {
    for (const start of [
      ['AUTH PLAIN'],
      ['AUTH LOGIN'],
      ['AUTH LOGIN', base64(TAGGED)],
      [`AUTH LOGIN ${base64(TAGGED)}`],
      ['AUTH CRAM-MD5'],
    ]) {
      const { connection } = connect(working().gate)
      for (const line of start) connection.line(line)
      assert.deepEqual(connection.line('*'), ['501 5.7.0 Authentication cancelled'])
      for (const logIn of [LOGINS['PLAIN without']!, LOGINS['LOGIN']!, LOGINS['CRAM-MD5']!]) {
        const again = connect(working().gate).connection
        for (const line of [...start, '*']) again.line(line)
        logIn(again, TAGGED, PASSWORD)
        assert.match(again.said.at(-1) ?? '', /^235 /)
      }
    }
  })

  it('is over with a malformed response at any point, and shows none of it to Haraka’s log', () => {
    for (const start of [['AUTH PLAIN'], ['AUTH LOGIN'], ['AUTH LOGIN', base64(TAGGED)], ['AUTH CRAM-MD5']]) {
      for (const response of [['secret!'], ['c2VjcmV0', 'more']]) {
        const { connection } = connect(working().gate)
        for (const line of start) connection.line(line)
        const params = [...response]
        onUnrecognizedCommand(working().gate, () => undefined, connection, params)
        assert.equal(connection.said.at(-1), '501 5.5.2 Cannot decode the response')
        assert.equal(params[0], 'AUTH')
        assert.equal(connection.notes.authenticating, false)
      }
    }
  })

  it('is over with an AUTH command in the middle of it: the plugin would take the next line for the response', () => {
    for (const command of ['AUTH PLAIN', 'AUTH PLAIN a b', 'AUTH XOAUTH2 YQ==']) {
      const { connection, asked } = connect(working().gate)
      connection.line('AUTH PLAIN')
      assert.deepEqual(connection.line(command), ['501 5.5.2 Cannot decode the response'])
      assert.deepEqual(connection.line(base64(`\0${TAGGED}\0${PASSWORD}`)), ['500 Unrecognized command'])
      assert.deepEqual(asked, [])
    }
  })

  it('is refused when CRAM-MD5 comes with an initial response: the name of the real one would go unread', () => {
    const { connection } = connect(working().gate)
    assert.deepEqual(connection.line(`AUTH CRAM-MD5 ${base64(`${TAGGED} d16e57`)}`), [
      '501 5.7.0 CRAM-MD5 takes no initial response',
    ])
    assert.notEqual(connection.notes.authenticating, true)
  })

  it('is refused during a mail transaction (RFC 4954 4), wherever in the exchange it began', () => {
    const response = base64(`\0${TAGGED}\0${PASSWORD}`)
    for (const [before, during] of [
      [[], `AUTH PLAIN ${response}`],
      [[], 'AUTH XOAUTH2 YQ=='],
      [['AUTH PLAIN'], response],
      [['AUTH LOGIN', base64(TAGGED)], base64(PASSWORD)],
    ] as const) {
      const { connection, seen } = connect(working().gate)
      for (const line of before) connection.line(line)
      const seenBefore = seen.length
      connection.transaction = {}
      assert.deepEqual(connection.line(during), ['503 5.5.1 No AUTH during a mail transaction'])
      assert.equal(seen.length, seenBefore)
      connection.transaction = null
      LOGINS['PLAIN without']!(connection, TAGGED, PASSWORD)
      assert.match(connection.said.at(-1) ?? '', /^235 /)
    }
  })

  it('is refused during a mail transaction by a plugin that tells nobody it waits for a response', () => {
    const seen: string[] = []
    const connection = new TestConnection([
      (next, self, params) => onUnrecognizedCommand(working().gate, next, self, params),
      (next, _self, params) => {
        seen.push(params.join(' '))
        next(906)
      },
    ])
    connection.line('AUTH X-OWN')
    connection.transaction = {}
    assert.deepEqual(connection.line('token'), ['503 5.5.1 No AUTH during a mail transaction'])
    assert.deepEqual(seen, ['AUTH X-OWN'])
  })

  it('is not looked for in other commands of a mail transaction', () => {
    const { connection, seen } = connect(working().gate)
    connection.transaction = {}
    assert.deepEqual(connection.line('XFOO bar'), ['500 Unrecognized command'])
    assert.deepEqual(seen, ['XFOO', 'bar'])
  })

  it('is refused after one that succeeded (RFC 4954 4)', () => {
    const { connection, seen } = connect(working().gate)
    LOGINS['LOGIN']!(connection, TAGGED, PASSWORD)
    const before = { seen: seen.length, reading: sessionOf(connection).reading }
    assert.equal(before.reading?.status, 'valid')
    assert.deepEqual(connection.line('AUTH LOGIN'), ['503 5.5.1 Already authenticated'])
    assert.deepEqual({ seen: seen.length, reading: sessionOf(connection).reading }, before)
  })

  it('leaves mechanisms that the gate does not know to their plugins', () => {
    const seen: string[] = []
    const connection = new TestConnection([
      (next, self, params) => onUnrecognizedCommand(working().gate, next, self, params),
      (next, self, params) => {
        seen.push(...params)
        self.notes.authenticating = true
        next(906)
      },
    ])
    connection.line('AUTH XOAUTH2 dXNlcj1h')
    connection.line('not base64!')
    assert.deepEqual(seen, ['AUTH', 'XOAUTH2 dXNlcj1h', 'not', 'base64!'])
  })
})

describe('any dialogue of AUTH commands and responses', () => {
  const part = fc.constantFrom(
    'AUTH PLAIN',
    'AUTH LOGIN',
    'AUTH CRAM-MD5',
    `AUTH PLAIN ${base64(`\0${TAGGED}\0${PASSWORD}`)}`,
    `AUTH PLAIN ${base64(`\0${TAGGED}\0wrong`)}`,
    `AUTH LOGIN ${base64(TAGGED)}`,
    `AUTH CRAM-MD5 ${base64(`${TAGGED} d16e57`)}`,
    'AUTH XOAUTH2 YQ==',
    'AUTH PLAIN a b',
    'AUTH',
    base64(`\0${TAGGED}\0${PASSWORD}`),
    base64(TAGGED),
    base64(`${TAGGED} d16e57`),
    base64(PASSWORD),
    '*',
    '',
    'NONSENSE',
  )

  it('gets one reply a line, and the auth plugin looks up no tagged name', () =>
    fc.assert(
      fc.property(fc.array(fc.oneof(part, fc.string()), { maxLength: 8 }), (lines) => {
        const { gate, faults } = working()
        const { connection, asked } = connect(gate)
        for (const line of lines) {
          const replies = connection.line(line)
          if (connection.disconnected) break
          assert.equal(replies.length, 1, line)
        }
        assert.deepEqual(faults, [])
        for (const name of asked) assert.equal(tags.read(name).status, 'none', name)
      }),
      { numRuns: 2000 },
    ))
})
