import assert from 'node:assert/strict'
import fs from 'node:fs'

import { issueTag } from '../../src/identity/device-tag'
import { parseKeyring } from '../../src/identity/tag-keyring'
import { Dialogue } from '../support/dialogue'
import { Dovecot } from '../support/dovecot'
import { eventually } from '../support/eventually'
import { FetchingSession } from '../support/fetching-session'
import { HarakaSite } from '../support/haraka-site'

const USER = 'anna@example.com'
const PASSWORD = 'secret'
const device = (id: string, platform: string, change: object = {}): string =>
  JSON.stringify({
    id,
    owners: [USER],
    platform,
    state: 'compliant',
    findings: ['app:com.example.banned'],
    evidence_at: new Date().toISOString(),
    source: 'mdm',
    version: 1,
    ...change,
  })

const FETCHING = 60
/** More than the kernel's buffers hold between a mail server and a client that does not read. */
const MESSAGE_OCTETS = 8_000_000
/** Lines that end like those that announce a literal. */
const message = Buffer.from(
  `Subject: large\r\n\r\n${Array.from({ length: MESSAGE_OCTETS / 60 }, (_, i) => `line ${i} ${'x'.repeat(45)} {${i}}\r\n`).join('')}`,
)

/** `deadlineMs` from now, the banned app is blocked on phones. */
const policy = (deadlineMs: number): string => `mode: enforce
contact: "Help desk: +1 555 0100"
mandates:
  - id: banned
    finding: "app:com.example.banned"
    platforms: [ios, android]
    warn_from: 2020-01-01T00:00:00Z
    deadline: ${new Date(Date.now() + deadlineMs).toISOString()}
    message: "Remove the banned app"
`

describe('IMAP sessions that are open while the decision changes', () => {
  let dovecot: Dovecot
  let site: HarakaSite
  const open: Dialogue[] = []

  before(async () => {
    dovecot = await Dovecot.start({
      users: { [USER]: PASSWORD },
      settings: 'protocol imap {\n  mail_plugins = imap_zlib\n}',
    })
    dovecot.deliver(USER, message.toString())
    site = await HarakaSite.create({
      policy: policy(86_400_000),
      upstreamPort: dovecot.port,
      imapConfig: '  revoke_spread_s: 0',
    })
    await site.run('tag', 'rotate')
    await site.start()
    await site.run('device', 'put', device('phone', 'ios'))
    await site.run('device', 'put', device('laptop', 'macos'))
  })
  afterEach(() => {
    for (const dialogue of open.splice(0)) dialogue.close()
  })
  after(async () => {
    await site.remove()
    await dovecot.remove()
  })

  /** A session in IDLE: the server says nothing of its own accord. */
  async function idling(deviceId: string): Promise<Dialogue> {
    const dialogue = await Dialogue.connect(site.imapPort)
    open.push(dialogue)
    await dialogue.line()
    const name = await site.run('tag', 'issue', USER, deviceId)
    assert.match(await dialogue.ask(`a LOGIN ${name} ${PASSWORD}`, /^a /), /a OK /)
    await dialogue.ask('b SELECT INBOX', /^b OK/)
    await dialogue.ask('c IDLE', /^\+ /)
    return dialogue
  }

  it('end with the reason when their device is blocked; the laptop’s goes on', async () => {
    const [phone, laptop] = [await idling('phone'), await idling('laptop')]
    await eventually(async () => {
      const { gate } = JSON.parse(await site.run('status', '--json')) as { gate: { sessions: number } }
      assert.equal(gate.sessions, 2)
    })
    await site.run('lock', 'add', '--device', 'phone', '--reason', 'lost')
    assert.match(await phone.ended(), /^\* BYE Company mail is locked .* \([0-9A-Z]{8}\)\r\n$/)
    assert.match(await laptop.ask('DONE', /^c /), /c OK/)
    await site.run('lock', 'remove', '--device', 'phone')
  })

  it('are told to who asks why, and since when', async () => {
    const began = Date.now()
    const phone = await idling('phone')
    await idling('phone')
    const { sessions } = JSON.parse(await site.run('why', 'phone', '--json')) as {
      sessions: readonly { user: string; device: string; count: number; since: string }[]
    }
    const [{ since, ...session } = { since: '' }, ...others] = sessions
    assert.deepEqual([session, others], [{ user: USER, device: 'phone', count: 2 }, []])
    assert.ok(Date.parse(since) >= began)
    assert.match(await site.run('why', USER), /^ {2}2 of anna@example\.com on phone, since /m)
    phone.close()
    await eventually(async () =>
      assert.match(await site.run('why', USER), /^ {2}1 of anna@example\.com on phone/m),
    )
  })

  it('end without a word that the client could not read, when it had its stream compressed', async () => {
    const phone = await idling('phone')
    await phone.ask('DONE', /^c OK/)
    await phone.ask('d COMPRESS DEFLATE', /^d OK/)
    await site.run('lock', 'add', '--device', 'phone', '--reason', 'lost')
    assert.equal(await phone.ended(), '')
    await site.run('lock', 'remove', '--device', 'phone')
  })

  it('end by themselves when a deadline passes; the laptop’s goes on', async () => {
    const [phone, laptop] = [await idling('phone'), await idling('laptop')]
    site.writeFile('device_gate_policy.yaml', policy(3000))
    assert.match(await phone.ended(), /\* BYE Remove the banned app\. Help desk: .* \([0-9A-Z]{8}\)\r\n$/)
    assert.match(await laptop.ask('DONE', /^c /), /c OK/)
    const blocks = await site.run('blocks', '--device', 'phone', '--json')
    assert.match(blocks, /"outcome":"block","enforced":true,"reason":"mandate_deadline"/)
  })

  it('end behind the message that they fetch, not within it, however many and however slow they are', async () => {
    const [key] = parseKeyring(fs.readFileSync(site.file('device_gate_tag.key'), 'utf8')).keys
    assert.ok(key)
    const fetching = await Promise.all(
      Array.from({ length: FETCHING }, (_, i) => {
        const name = issueTag(key, '#', USER, `phone-${i}`)
        return FetchingSession.begin(site.imapPort, name, PASSWORD, message)
      }),
    )
    try {
      await site.run('lock', 'add', '--user', USER, '--reason', 'lost', '--confirm', '2')
      // The end of each of them is decided, and none has read more than the beginning.
      await eventually(async () => {
        const blocks = await site.run('blocks', '--json')
        assert.equal(blocks.match(/"device":"phone-\d+"/g)?.length, FETCHING)
      })
      for (const behind of await Promise.all(fetching.map((session) => session.rest())))
        assert.match(behind, /^\)\r\nc OK [^\r\n]*\r\n\* BYE Company mail is locked [^\r\n]*\r\n$/)
    } finally {
      for (const session of fetching) session.close()
    }
    await site.run('lock', 'remove', '--user', USER)
  })

  it('are left in peace by monitor mode', async () => {
    site.writeFile('device_gate_policy.yaml', policy(86_400_000))
    await site.run('mode', 'monitor', '--reason', 'a test')
    const phone = await idling('phone')
    await site.run('lock', 'add', '--device', 'phone', '--reason', 'lost')
    assert.match(await phone.ask('DONE', /^c /), /c OK/)
    assert.match(await phone.ask('d NOOP', /^d /), /d OK/)
  })
})
