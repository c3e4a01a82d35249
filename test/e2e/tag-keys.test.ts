import assert from 'node:assert/strict'
import fs from 'node:fs'

import { deviceLine } from '../support/device-line'
import { Dovecot } from '../support/dovecot'
import { eventually } from '../support/eventually'
import { HarakaSite } from '../support/haraka-site'
import { imapClient, syncMail } from '../support/mail-client'

const USER = 'anna@example.com'
const PASSWORD = 'secret'
const PHONE = 'anna-phone'

describe('the tag keys, while Haraka runs', () => {
  let dovecot: Dovecot
  let site: HarakaSite
  let keyFile: string

  before(async () => {
    dovecot = await Dovecot.start({ users: { [USER]: PASSWORD } })
    dovecot.deliver(USER, 'From: ben@example.com\r\nSubject: hello\r\n\r\nLunch?\r\n')
    site = await HarakaSite.create({
      policy: 'mode: enforce\nunknown: block\n',
      hostConfig: 'identity: { unidentified: block }',
      upstreamPort: dovecot.port,
    })
    keyFile = site.file('device_gate_tag.key')
    await site.run('device', 'put', deviceLine({ id: PHONE, state: 'compliant' }))
    await site.start()
  })
  after(async () => {
    await site.remove()
    await dovecot.remove()
  })

  const outcome = async (user: string): Promise<string | null> => {
    const { subject, refusal } = await syncMail(imapClient(site.imapPort, { user, pass: PASSWORD }))
    return subject ?? refusal?.code ?? null
  }
  const becomes = (user: string, expected: string): Promise<void> =>
    eventually(async () => assert.equal(await outcome(user), expected))

  let oldTag: string
  let newTag: string

  it('a first key is taken', async () => {
    await site.run('tag', 'rotate')
    oldTag = await site.run('tag', 'issue', USER, PHONE)
    await becomes(oldTag, 'hello')
  })
  it('a second one signs, and both verify', async () => {
    await site.run('tag', 'rotate')
    newTag = await site.run('tag', 'issue', USER, PHONE)
    assert.notEqual(newTag, oldTag)
    await becomes(newTag, 'hello')
    assert.equal(await outcome(oldTag), 'hello')
  })
  it('a key whose line is taken out verifies no more: its tags are wrong passwords', async () => {
    const keyId = oldTag.slice(-24, -22)
    const lines = fs.readFileSync(keyFile, 'utf8').split('\n')
    fs.writeFileSync(keyFile, lines.filter((line) => !line.startsWith(`${keyId} `)).join('\n'))
    await becomes(oldTag, 'AUTHENTICATIONFAILED')
    assert.equal(await outcome(newTag), 'hello')
  })
  it('a damaged file changes nothing and is told; so does one that is gone', async () => {
    fs.appendFileSync(keyFile, '\ncut sho')
    await site.haraka.until(/tag keys: \S+device_gate_tag\.key:\d+ is not of the form/)
    assert.equal(await outcome(newTag), 'hello')
    fs.rmSync(keyFile)
    await site.haraka.until(
      /tag keys: \S+device_gate_tag\.key does not exist; the keys that were read before stay/,
    )
    assert.equal(await outcome(newTag), 'hello')
  })
})
