import assert from 'node:assert/strict'

import type { DecisionContext, Gate, GateDecision } from '../../src/gate/gate'
import type { TagReading } from '../../src/identity/claim'
import type { Subject } from '../../src/policy/decision'
import { DENY, DENYSOFT, DSN, STOP, type Connection } from '../../src/smtp/haraka'
import { onDeny, onMail } from '../../src/smtp/message-hooks'
import type { SmtpGate } from '../../src/smtp/smtp-gate'

const CLAIM = { deviceId: 'phone', proof: 'tag' } as const
const valid = (user: string): TagReading => ({ status: 'valid', user, claim: CLAIM })

const DECISION: GateDecision = {
  id: 'VAZFRT1J',
  outcome: 'allow',
  reason: 'compliant',
  enforced: true,
  rule: null,
  policyVersion: 1,
  deviceId: 'phone',
  platform: 'ios',
  proof: 'tag',
  evidenceAt: 0,
  text: 'Ask the help desk.',
  validUntil: Infinity,
}

/** A gate that gives one decision, and tells what it was asked. */
class Asked implements Gate {
  readonly subjects: Subject[] = []
  readonly recorded: DecisionContext[] = []
  constructor(private readonly decision: Partial<GateDecision> | Error = {}) {}
  subject(parts: Subject): Subject & { key: string } {
    this.subjects.push(parts)
    return { ...parts, key: parts.user }
  }
  decide(): GateDecision {
    if (this.decision instanceof Error) throw this.decision
    return { ...DECISION, ...this.decision }
  }
  record(_decision: GateDecision, context: DecisionContext): void {
    this.recorded.push(context)
  }
}

const smtp = (gate: Gate, parts: Partial<SmtpGate> = {}): SmtpGate => ({
  gate,
  tags: () => assert.fail('tags are read at AUTH'),
  isExempt: (address) => address === '198.51.100.1',
  enabled: () => true,
  now: () => 1000,
  onFault: (error) => assert.fail(String(error)),
  ...parts,
})

interface ClientOptions {
  readonly user?: unknown
  readonly reading?: TagReading
  readonly ip?: string
}

const client = ({ user, reading, ip = '192.0.2.7' }: ClientOptions): Connection => ({
  notes: {
    auth_user: user,
    ...(reading && { device_gate: { exchange: null, reading, decided: null } }),
  },
  remote: { ip },
  transaction: {},
  respond: () => assert.fail('this hook answers through next'),
})

type Answer = readonly [code: number | undefined, reply: string | undefined]

/** What the hook answers; it must do so once, before it returns. */
function answerOf(gate: SmtpGate | undefined, connection: Connection): Answer {
  const answers: Answer[] = []
  onMail(
    gate,
    (code, message) => {
      const reply = message instanceof DSN ? `${message.code} ${message.reply}` : message
      answers.push([code, reply])
    },
    connection,
  )
  assert.equal(answers.length, 1)
  return answers[0]!
}

const PASSES: Answer = [undefined, undefined]
const NOT_YET: Answer = [DENYSOFT, '451 4.7.1 Access cannot be checked right now; please try again later.']

describe('MAIL FROM', () => {
  describe('is answered by what is done to the client', () => {
    const table: readonly [what: string, decision: Partial<GateDecision>, answer: Answer][] = [
      ['an allow passes', {}, PASSES],
      ['a warning passes', { outcome: 'warn' }, PASSES],
      ['a block is permanent', { outcome: 'block' }, [DENY, '550 5.7.1 Ask the help desk. (VAZFRT1J)']],
      [
        'not knowing is temporary',
        { outcome: 'unavailable' },
        [DENYSOFT, '451 4.7.1 Ask the help desk. (VAZFRT1J)'],
      ],
      ['a block that is not enforced passes', { outcome: 'block', enforced: false }, PASSES],
      ['a fault that is not enforced passes', { outcome: 'unavailable', enforced: false }, PASSES],
      ['the longest text fits a reply line', { outcome: 'block', text: 'x'.repeat(400) }, [DENY, undefined]],
    ]
    for (const [what, decision, [code, reply]] of table) {
      it(what, () => {
        const asked = new Asked(decision)
        const answer = answerOf(smtp(asked), client({ user: 'anna@example.com' }))
        assert.equal(answer[0], code)
        if (reply !== undefined || code === undefined) assert.equal(answer[1], reply)
        // RFC 5321 4.5.3.1.5: 512 octets, CRLF and all.
        assert.ok((answer[1]?.length ?? 0) <= 510)
        assert.equal(asked.recorded.length, 1)
      })
    }
  })

  describe('is decided for', () => {
    const table: readonly [what: string, from: ClientOptions, subject: Omit<Subject, 'platformHint'>][] = [
      [
        'the user that the auth plugin let in',
        { user: 'Anna@Example.com' },
        { user: 'Anna@Example.com', claim: null, exemptNetwork: false },
      ],
      [
        'the device that the tag proved',
        { user: 'anna@example.com', reading: valid('anna@example.com') },
        { user: 'anna@example.com', claim: CLAIM, exemptNetwork: false },
      ],
      [
        'the device, when the plugin writes the name in another case',
        { user: 'anna@example.com', reading: valid('Anna@Example.com') },
        { user: 'anna@example.com', claim: CLAIM, exemptNetwork: false },
      ],
      [
        'no device, when the plugin let in another name than the tag was issued to',
        { user: 'ben@example.com', reading: valid('anna@example.com') },
        { user: 'ben@example.com', claim: null, exemptNetwork: false },
      ],
      [
        'no device, when the tag did not verify',
        {
          user: 'anna@example.com',
          reading: { status: 'invalid', user: 'anna@example.com', problem: 'bad_mac' },
        },
        { user: 'anna@example.com', claim: null, exemptNetwork: false },
      ],
      [
        'an exempt network',
        { user: 'anna@example.com', ip: '198.51.100.1' },
        { user: 'anna@example.com', claim: null, exemptNetwork: true },
      ],
    ]
    for (const [what, from, subject] of table) {
      it(what, () => {
        const asked = new Asked()
        assert.deepEqual(answerOf(smtp(asked), client(from)), PASSES)
        assert.deepEqual(asked.subjects, [{ ...subject, platformHint: null }])
        const [recorded] = asked.recorded
        assert.equal(recorded?.subject.user, subject.user)
        assert.deepEqual(asked.recorded, [
          { protocol: 'smtp', subject: recorded.subject, remoteAddress: from.ip ?? '192.0.2.7', at: 1000 },
        ])
      })
    }

    it('anew, when the login or the network’s exemption changed since the last message', () => {
      const asked = new Asked()
      let exempt = false
      const gate = smtp(asked, { isExempt: () => exempt })
      const connection = client({ user: 'anna@example.com', reading: valid('anna@example.com') })
      const messages: (() => unknown)[] = [
        () => undefined,
        () => undefined,
        () => (exempt = true),
        () => (connection.notes.auth_user = 'ben@example.com'),
      ]
      for (const change of messages) {
        change()
        answerOf(gate, connection)
      }
      const base = { claim: CLAIM, platformHint: null }
      assert.deepEqual(asked.subjects, [
        { ...base, user: 'anna@example.com', exemptNetwork: false },
        { ...base, user: 'anna@example.com', exemptNetwork: true },
        { ...base, user: 'ben@example.com', claim: null, exemptNetwork: true },
      ])
      assert.equal(asked.recorded.length, messages.length)
    })

    it('a user without devices, when the plugin keeps something else than a name', () => {
      const faults: unknown[] = []
      const asked = new Asked()
      const gate = smtp(asked, { onFault: (error) => faults.push(error) })
      assert.deepEqual(answerOf(gate, client({ user: { id: 7 } })), PASSES)
      assert.equal(asked.subjects[0]?.user, '')
      assert.match(String(faults[0]), /set connection\.notes\.auth_user to object/)
    })
  })

  describe('is not looked at', () => {
    for (const user of [undefined, null, '']) {
      it(`when nobody logged in (${user === '' ? 'an empty name' : String(user)}): inbound mail, relaying by address`, () => {
        const connection = client({ user })
        assert.deepEqual(answerOf(smtp(new Asked(new Error('asked'))), connection), PASSES)
        assert.deepEqual(answerOf(undefined, connection), PASSES)
      })
    }
    it('when smtp.enabled is false', () =>
      assert.deepEqual(
        answerOf(smtp(new Asked(new Error('asked')), { enabled: () => false }), client({ user: 'anna' })),
        PASSES,
      ))
  })

  describe('is refused for now', () => {
    it('before the gate has started', () =>
      assert.deepEqual(answerOf(undefined, client({ user: 'anna' })), NOT_YET))

    it('when something in the hook fails, and the fault is told', () => {
      const faults: unknown[] = []
      const gate = smtp(new Asked(new Error('boom')), { onFault: (error) => faults.push(error) })
      assert.deepEqual(answerOf(gate, client({ user: 'anna' })), NOT_YET)
      assert.deepEqual(faults.map(String), ['Error: boom'])
    })
  })
})

describe('a plugin that would put off or drop refusals', () => {
  const codes = (refusal: unknown): unknown[] => {
    const given: unknown[] = []
    onDeny((code) => given.push(code), refusal)
    return given
  }
  it('is not asked about one of the gate', () => assert.deepEqual(codes(new DSN(550, 'no')), [STOP]))
  it('is asked about any other', () => assert.deepEqual(codes('not resolvable'), [undefined]))
})
