import assert from 'node:assert/strict'
import { ImapFlow } from 'imapflow'

import { Dovecot } from '../support/dovecot'
import { HarakaSite } from '../support/haraka-site'

const USER = 'anna@example.com'
const PASSWORD = 'secret'
const POLICY = 'mode: enforce\nunknown: allow\n'
const PHONE = {
  id: 'anna-phone',
  owners: [USER],
  platform: 'ios',
  state: 'noncompliant',
  findings: [],
  evidence_at: '2026-11-20T08:00:00Z',
  source: 'mdm',
  version: 1,
}

for (const nodes of [0, 2]) {
  describe(`a phone's mail sync through Haraka with nodes=${nodes}`, () => {
    let dovecot: Dovecot
    let site: HarakaSite

    before(async () => {
      dovecot = await Dovecot.start({ users: { [USER]: PASSWORD } })
      dovecot.deliver(USER, 'From: ben@example.com\r\nSubject: hello\r\n\r\nLunch?\r\n')
      site = await HarakaSite.create({ nodes, policy: POLICY, upstreamPort: dovecot.port })
      await site.run('tag', 'rotate')
      await site.start()
    })
    after(async () => {
      await site.remove()
      await dovecot.remove()
    })

    const subjectThroughGate = async (): Promise<string | undefined> => {
      const user = await site.run('tag', 'issue', USER, PHONE.id)
      const client = new ImapFlow({
        host: '127.0.0.1',
        port: site.imapPort,
        secure: false,
        auth: { user, pass: PASSWORD },
        logger: false,
      })
      await client.connect()
      try {
        await client.mailboxOpen('INBOX')
        const message = await client.fetchOne('1', { envelope: true })
        return message ? message.envelope?.subject : undefined
      } finally {
        await client.logout()
      }
    }

    it('is allowed while nothing is known of it, blocked when it is noncompliant, allowed again when mended', async () => {
      assert.equal(await subjectThroughGate(), 'hello')
      await site.run('device', 'put', JSON.stringify(PHONE))
      await assert.rejects(subjectThroughGate(), { serverResponseCode: 'CONTACTADMIN' })
      await site.run('device', 'put', JSON.stringify({ ...PHONE, state: 'compliant', version: 2 }))
      assert.equal(await subjectThroughGate(), 'hello')
    })
  })
}
