import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'

import { openEnvironment } from '../../src/lmdb/environment'
import { deviceLine } from '../support/device-line'
import { Dialogue } from '../support/dialogue'
import { Dovecot } from '../support/dovecot'
import { eventually } from '../support/eventually'
import { HarakaSite } from '../support/haraka-site'

const USER = 'anna@example.com'
/** What must never be seen again once it was sent. */
const CANARY = {
  password: 'canary-password-Zq8',
  wrongPassword: 'canary-mistyped-Vx3',
  token: 'canary.token.Kw5',
  forgedMac: 'AAcanaryForgedMac0000000',
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')

/** Base64 of a text that has `secret` in it holds one of these, wherever in the text it stands. */
const base64Inside = (secret: string): string[] =>
  [0, 1, 2].map((offset) => {
    const octets = Buffer.concat([Buffer.alloc(offset), Buffer.from(secret)])
    return octets.toString('base64').slice(Math.ceil((offset * 8) / 6), -4)
  })

describe('no secret comes out of the gate', () => {
  let dovecot: Dovecot
  let site: HarakaSite
  /** User names as devices send them. */
  let names: { good: string; bad: string; damaged: string; forged: string }
  const printed: string[] = []

  before(async () => {
    dovecot = await Dovecot.start({
      users: { [USER]: CANARY.password },
      settings: 'auth_mechanisms = plain login xoauth2 oauthbearer',
    })
    site = await HarakaSite.create({
      nodes: 2,
      policy: 'mode: enforce\n',
      upstreamPort: dovecot.port,
      users: { [USER]: CANARY.password },
      files: { loglevel: 'debug\n' },
    })
    await site.run('tag', 'rotate')
    for (const id of ['good', 'damaged']) await site.run('device', 'put', deviceLine({ id }))
    await site.run('device', 'put', deviceLine({ id: 'bad', state: 'noncompliant' }))
    const replica = openEnvironment(path.join(site.dir, 'var', 'replica'), { schema: 1 })
    const devices = replica.database('devices')
    await replica.write(() => void devices.put('damaged', 'no record'))
    await replica.close()
    names = {
      good: await site.tag(USER, 'good'),
      bad: await site.tag(USER, 'bad'),
      damaged: await site.tag(USER, 'damaged'),
      forged: `${USER}#good.${CANARY.forgedMac}`,
    }
    await site.start()
  })
  after(async () => {
    await site.remove()
    await dovecot.remove()
  })

  /** Says the lines, each after the answer to the one before, for as long as the other side listens. */
  const say = async (port: number, lines: readonly string[], answered: RegExp): Promise<void> => {
    const client = await Dialogue.connect(port)
    try {
      await client.line()
      for (const line of lines) await client.ask(line, answered)
    } catch (error) {
      assert.match(String(error), /the connection ended/)
    } finally {
      client.close()
    }
  }
  const imap = (...lines: readonly string[]): Promise<void> =>
    say(site.imapPort, lines, /^(\+|\* BYE|\* BAD|(?!\*)\S+ (OK|NO|BAD)) ?/)
  const smtp = (...lines: readonly string[]): Promise<void> =>
    say(site.smtpPort, ['EHLO phone', ...lines], /^\d{3} /)

  const everyWay = async (name: string, password: string): Promise<void> => {
    const plain = base64(`\0${name}\0${password}`)
    await imap(`a LOGIN "${name}" "${password}"`)
    await imap(`a LOGIN {${name.length}+}\r\n${name} {${password.length}+}\r\n${password}`)
    await imap(`a AUTHENTICATE PLAIN ${plain}`)
    await imap('a AUTHENTICATE PLAIN', plain)
    await imap('a AUTHENTICATE LOGIN', base64(name), base64(password))
    const mail = 'MAIL FROM:<anna@example.com>'
    await smtp(`AUTH PLAIN ${plain}`, mail)
    await smtp('AUTH PLAIN', plain, mail)
    await smtp('AUTH LOGIN', base64(name), base64(password), mail)
  }
  const cramMd5 = async (name: string, password: string): Promise<void> => {
    const client = await Dialogue.connect(site.smtpPort)
    await client.until(/^220 /)
    await client.ask('EHLO phone', /^250 /)
    const challenge = (await client.ask('AUTH CRAM-MD5', /^334 /)).slice(4).trim()
    const digest = createHmac('md5', password).update(Buffer.from(challenge, 'base64')).digest('hex')
    await client.ask(base64(`${name} ${digest}`), /^\d{3} /)
    await client.ask('MAIL FROM:<anna@example.com>', /^\d{3} /)
    client.close()
  }

  const deeds: Readonly<Record<string, () => Promise<void>>> = {
    'good logins': async () => {
      await everyWay(names.good, CANARY.password)
      await everyWay(USER, CANARY.password)
      await cramMd5(names.good, CANARY.password)
    },
    'wrong passwords': async () => {
      await imap(`a LOGIN ${names.good} ${CANARY.wrongPassword}`)
      await imap(`a AUTHENTICATE PLAIN ${base64(`\0${USER}\0${CANARY.wrongPassword}`)}`)
      await smtp(`AUTH PLAIN ${base64(`\0${names.good}\0${CANARY.wrongPassword}`)}`)
      await cramMd5(names.good, CANARY.wrongPassword)
    },
    'the logins of a blocked device': () => everyWay(names.bad, CANARY.password),
    'the logins of a device whose record is damaged': () => everyWay(names.damaged, CANARY.password),
    'forged tags': async () => {
      await imap(`a LOGIN ${names.forged} ${CANARY.password}`)
      await smtp(`AUTH PLAIN ${base64(`\0${names.forged}\0${CANARY.password}`)}`)
      await cramMd5(names.forged, CANARY.password)
    },
    'OAuth tokens': async () => {
      for (const name of [names.good, names.bad, names.forged, USER]) {
        await imap(
          `a AUTHENTICATE XOAUTH2 ${base64(`user=${name}\x01auth=Bearer ${CANARY.token}\x01\x01`)}`,
          '',
        )
        await imap(
          'a AUTHENTICATE OAUTHBEARER',
          base64(`n,a=${name},\x01auth=Bearer ${CANARY.token}\x01\x01`),
          'AQ==',
        )
      }
    },
    'malformed logins': async () => {
      await imap(`a LOGIN ${names.good} "${CANARY.password}\\x"`)
      await imap(`a LOGIN ${names.good} ${CANARY.password} more`)
      await imap(`a LOGIN ${names.good}${CANARY.password}`)
      await imap(`a ${CANARY.password} ${names.good}`)
      await imap(`${CANARY.password} ${names.good}`, 'a NOOP')
      await imap(`a LOGIN {${10 ** 9}}`, `a LOGIN ${names.good} {${10 ** 9}+}`)
      await imap(`a AUTHENTICATE PLAIN ${base64(`\0${names.good}\0${CANARY.password}\0more`)}`)
      await imap(`a AUTHENTICATE PLAIN ${base64(`\0${names.good}\0${CANARY.password}`)}!`)
      await imap(`a AUTHENTICATE ${CANARY.token}`)
      await imap(`a AUTHENTICATE XOAUTH2 ${base64(`user=${USER}\x01auth=Basic ${CANARY.token}\x01\x01`)}`)
      await imap(`a LOGIN ${names.good} ${CANARY.password}${'x'.repeat(70_000)}`)
      await smtp(`AUTH PLAIN ${base64(`\0${names.good}\0${CANARY.password}\0more`)}`)
      await smtp(`AUTH PLAIN ${base64(`\0${names.good}\0${CANARY.password}`)}!`)
      await smtp(`AUTH PLAIN ${base64(`ben\0${names.good}\0${CANARY.password}`)}`)
      await smtp('AUTH LOGIN', base64(names.good), `${base64(CANARY.password)}!`)
      await smtp(`AUTH ${CANARY.token} ${base64(CANARY.password)}`)
    },
    'cancelled logins': async () => {
      await imap('a AUTHENTICATE LOGIN', base64(names.good), '*')
      await smtp('AUTH LOGIN', base64(names.good), '*')
      for (const port of [site.imapPort, site.smtpPort]) {
        const client = await Dialogue.connect(port)
        await client.line()
        client.send(`a LOGIN ${names.good} ${CANARY.password}`)
        client.close()
      }
    },
    'logins while the upstream is down': async () => {
      await dovecot.stop()
      await everyWay(names.good, CANARY.password)
      await dovecot.restart()
    },
    'commands of the command line': async () => {
      const commands = [
        ['status'],
        ['blocks'],
        ['blocks', '--json'],
        ['blocked'],
        ['why', USER],
        ['why', 'bad'],
        ['device', 'list'],
        ['device', 'get', 'damaged'],
        ['policy', 'show'],
        ['policy', 'history', '--json'],
        ['tag', 'keys'],
        ['tag', 'verify', names.good],
        ['tag', 'verify', names.forged],
      ]
      for (const argv of commands) printed.push((await site.cli(...argv)).output)
      assert.ok(printed.every((text) => text !== ''))
    },
  }
  for (const [what, deed] of Object.entries(deeds)) it(`it is given ${what}`, deed)

  it('and none of it is in the log, the block log, the journal, the replica, the status or an answer', async () => {
    await eventually(() => assert.ok(site.blockLog().length >= 3))
    // At this level Haraka itself logs what a hook was called with, and so the client's AUTH lines.
    const log = site.haraka.output.replace(/^.* \[core\] +hook=unrecognized_command .*$/gm, '')
    await site.stop()
    const stateFiles = fs
      .readdirSync(path.join(site.dir, 'var'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name))
    assert.ok(stateFiles.length >= 5, String(stateFiles))
    const places: Readonly<Record<string, Buffer>> = {
      'Haraka’s log': Buffer.from(log),
      'the command line': Buffer.from(printed.join('')),
      'Dovecot’s log': Buffer.from(dovecot.log()),
      ...Object.fromEntries(stateFiles.map((file) => [path.relative(site.dir, file), fs.readFileSync(file)])),
    }
    // These are the places where things are written: what may be seen is there.
    const written = ['journal/data.mdb', 'replica/data.mdb', 'log/blocks.ndjson'].map((file) => `var/${file}`)
    for (const place of ['Haraka’s log', 'the command line', 'Dovecot’s log', ...written])
      assert.ok(places[place]?.includes(USER), `${place} says nothing`)

    const keys = fs.readFileSync(site.file('device_gate_tag.key'), 'utf8')
    const secrets = [
      ...Object.values(CANARY),
      ...[names.good, names.bad, names.damaged].map((name) => name.split('.').at(-1) ?? ''),
      ...(keys.match(/[\w-]{43}/g) ?? []),
    ]
    assert.equal(secrets.length, 8)
    for (const secret of secrets) {
      for (const form of [secret, ...base64Inside(secret)]) {
        for (const [place, octets] of Object.entries(places)) {
          const at = octets.indexOf(form)
          assert.equal(at, -1, `${form} in ${place}: ${octets.toString('latin1', at - 200, at + 200)}`)
        }
      }
    }
  })
})
