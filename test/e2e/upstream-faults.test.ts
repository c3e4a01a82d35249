import assert from 'node:assert/strict'

import { deviceLine } from '../support/device-line'
import { Dialogue } from '../support/dialogue'
import { Dovecot } from '../support/dovecot'
import { HarakaSite } from '../support/haraka-site'
import { imapClient, syncMail, type Sync } from '../support/mail-client'

const USER = 'anna@example.com'
const PASSWORD = 'secret'

describe('when the IMAP server behind the gate fails', () => {
  let dovecot: Dovecot
  let site: HarakaSite

  before(async () => {
    dovecot = await Dovecot.start({ users: { [USER]: PASSWORD } })
    dovecot.deliver(USER, 'From: ben@example.com\r\nSubject: hello\r\n\r\nLunch?\r\n')
    site = await HarakaSite.create({ nodes: 2, policy: 'mode: enforce\n', upstreamPort: dovecot.port })
    await site.run('tag', 'rotate')
    await site.run('device', 'put', deviceLine({ id: 'good-phone' }))
    await site.run('device', 'put', deviceLine({ id: 'bad-phone', state: 'noncompliant' }))
    await site.start()
  })
  after(async () => {
    await site.remove()
    await dovecot.remove()
  })

  const sync = async (device: string): Promise<Sync> =>
    syncMail(imapClient(site.imapPort, { user: await site.tag(USER, device), pass: PASSWORD }))

  it('down: NO [UNAVAILABLE], which keeps the password; up again: the next login works', async () => {
    const open = await Dialogue.connect(site.imapPort)
    await open.until(/^\* OK /)
    await open.ask(`a LOGIN ${await site.tag(USER, 'good-phone')} ${PASSWORD}`, /^a OK /)
    await dovecot.stop()
    await open.ended()

    const { refusal } = await sync('good-phone')
    assert.equal(refusal?.code, 'UNAVAILABLE')
    assert.match(refusal.text, /^The mail server cannot be reached right now/)
    await site.haraka.until(/"upstream unavailable: connect"/)

    await dovecot.restart()
    assert.equal((await sync('good-phone')).subject, 'hello')
  })

  it('down: a phone that is blocked is still told why', async () => {
    await dovecot.stop()
    assert.equal((await sync('bad-phone')).refusal?.code, 'CONTACTADMIN')
    await dovecot.restart()
  })

  it('slow: a login waits for it and then works, and meanwhile nobody else waits', async () => {
    dovecot.signal('SIGSTOP')
    let answered = false
    const waiting = sync('good-phone').finally(() => (answered = true))
    try {
      for (let i = 0; i < 10; i += 1) assert.equal((await sync('bad-phone')).refusal?.code, 'CONTACTADMIN')
      assert.equal(answered, false)
    } finally {
      dovecot.signal('SIGCONT')
    }
    assert.equal((await waiting).subject, 'hello')
  })

  it('slow: a client that gives up leaves nothing behind', async () => {
    dovecot.signal('SIGSTOP')
    try {
      const client = await Dialogue.connect(site.imapPort)
      await client.until(/^\* OK /)
      client.send(`a LOGIN ${await site.tag(USER, 'good-phone')} ${PASSWORD}\r\n`)
      client.close()
    } finally {
      dovecot.signal('SIGCONT')
    }
    assert.equal((await sync('good-phone')).subject, 'hello')
  })
})
