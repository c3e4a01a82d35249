import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import tls from 'node:tls'
import nodemailer from 'nodemailer'

import { CertificateAuthority } from '../support/certificates'
import { eventually } from '../support/eventually'
import { HarakaSite } from '../support/haraka-site'
import { submitMail } from '../support/mail-client'
import { Channel } from '../transcripts/runner/channel'
import { describeTranscripts, type World } from '../transcripts/runner/play'
import { heardBy } from '../transcripts/runner/replay'
import { parseTranscript, type Setting } from '../transcripts/runner/transcript'
import { Backend } from './backend'
import { connectFrom, PASSWORD, SmtpSite, tagged } from './sites'

const TRANSCRIPTS = path.join(__dirname, '..', 'transcripts', 'smtp')

const PATTERNS = {
  decision: '[0-9A-HJKMNP-TV-Z]{8}',
  challenge: '[A-Za-z0-9+/=]+',
  /** The base64 of 32 characters of base64. */
  stand_in: '(?:[A-Za-z0-9+/]{4}){10}[A-Za-z0-9+/]{3}=',
}

/** `{{cram NAME PASSWORD}}`: the response to the challenge that came. */
function compute(placeholder: string, seen: ReadonlyMap<string, string>): string {
  const [, name, password = ''] = /^cram (\S+) (\S+)$/.exec(placeholder) ?? []
  if (name === undefined) throw new Error(`{{${placeholder}}} is no placeholder here`)
  const challenge = Buffer.from(seen.get('challenge') ?? '', 'base64')
  return Buffer.from(`${name} ${createHmac('md5', password).update(challenge).digest('hex')}`).toString(
    'base64',
  )
}

interface Begin {
  /** The address that the client connects from. */
  readonly from: string
  /** The greeting, EHLO and its reply are in the transcript. */
  readonly greetingShown: boolean
  /** STARTTLS is done, and EHLO again, before the transcript begins. */
  readonly tls: boolean
}

function beginOf(settings: readonly Setting[]): Begin {
  const of = new Map(settings.map(({ name, value }) => [name, value]))
  for (const name of of.keys()) assert.ok(['from', 'greeting', 'TLS'].includes(name), `with ${name}?`)
  return { from: of.get('from') ?? '127.0.0.1', greetingShown: of.has('greeting'), tls: of.has('TLS') }
}

async function openClient(port: number, begin: Begin): Promise<Channel> {
  const channel = new Channel(await connectFrom(port, begin.from), (socket) =>
    tls.connect({ socket, rejectUnauthorized: false }),
  )
  if (begin.greetingShown) return channel
  await until(channel, /^220 /)
  if (begin.tls) {
    await ask(channel, 'EHLO phone.example', /^250 /)
    await ask(channel, 'STARTTLS', /^220 /)
    await channel.act('TLS')
  }
  await ask(channel, 'EHLO phone.example', /^250 /)
  return channel
}

async function ask(channel: Channel, line: string, end: RegExp): Promise<void> {
  channel.send(Buffer.from(`${line}\r\n`))
  await until(channel, end)
}

async function until(channel: Channel, end: RegExp): Promise<void> {
  while (!end.test(await channel.line())) continue
}

/** All that clients hear in the dialogues of a directory, in a mode; what Haraka makes up anew each time is left out. */
async function heardIn(
  mode: 'policy' | 'monitor' | 'off',
  directory: string,
  site: SmtpSite,
  open: (channel: string, begin: Begin) => Promise<Channel>,
): Promise<Record<string, Record<string, string>>> {
  await site.event(`mode ${mode}`)
  const all: Record<string, Record<string, string>> = {}
  for (const name of fs.readdirSync(directory).filter((file) => file.endsWith('.txt'))) {
    const transcript = parseTranscript(fs.readFileSync(path.join(directory, name), 'utf8'), name)
    const heard = await heardBy(transcript, (settings) =>
      Promise.resolve({
        patterns: PATTERNS,
        compute,
        open: (channel) => open(channel, beginOf(settings)),
        event: (text) => (text.startsWith('mode ') ? undefined : site.event(text)),
        close: () => site.restoreHost(),
      }),
    )
    all[name] = Object.fromEntries(Object.entries(heard).map(([client, text]) => [client, lasting(text)]))
  }
  await site.event('mode policy')
  return all
}

const lasting = (text: string): string =>
  text
    .replace(/[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}(?:\.\d+)*/g, 'TRANSACTION')
    .replace(/ready \([0-9A-F]{6}\)/g, 'ready (CONNECTION)')
    .replace(/^334 [A-Za-z0-9+/=]{20,}/gm, '334 CHALLENGE')

describe('SMTP submission through real Haraka', () => {
  describe('with auth/flat_file', () => {
    let site: SmtpSite
    before(async () => {
      site = await SmtpSite.withFlatFile()
    })
    after(() => site.remove())

    describeTranscripts(TRANSCRIPTS, (settings): Promise<World> => {
      const begin = beginOf(settings)
      return Promise.resolve({
        patterns: PATTERNS,
        compute,
        open: () => openClient(site.port, begin),
        event: (text) => site.event(text),
        close: () => site.restore(),
      })
    })

    it('says in mode monitor octet for octet what it says in mode off, in all dialogues, and not in mode enforce', async function () {
      this.timeout(180_000)
      const heard = (mode: 'policy' | 'monitor' | 'off'): ReturnType<typeof heardIn> =>
        heardIn(mode, TRANSCRIPTS, site, (_channel, begin) => openClient(site.port, begin))
      const off = await heard('off')
      assert.deepEqual(await heard('monitor'), off)
      assert.notDeepEqual(await heard('policy'), off)
    })

    for (const authMethod of ['PLAIN', 'LOGIN', 'CRAM-MD5']) {
      it(`nodemailer submits by AUTH ${authMethod}`, async () => {
        const send = async (person: string): Promise<string> => {
          const transport = nodemailer.createTransport({
            host: '127.0.0.1',
            port: site.port,
            ignoreTLS: true,
            authMethod,
            auth: { user: tagged(person), pass: PASSWORD },
          })
          const envelope = { from: `${person}@example.com`, to: 'fay@example.net' }
          return (await transport.sendMail({ envelope, raw: 'Subject: Lunch\r\n\r\nAt noon?\r\n' })).response
        }
        assert.match(await send('anna'), /^250 Message Queued/)
        await assert.rejects(send('ben'), { responseCode: 550, command: 'MAIL FROM' })
      })
    }

    it('goes on deciding when the files of the store are taken away', async () => {
      fs.rmSync(path.join(site.haraka.dir, 'var', 'replica'), { recursive: true })
      const login = (person: string): Promise<string> =>
        submitMail(site.port, { user: tagged(person), pass: PASSWORD })
      assert.match(await login('anna'), /^250 /)
      assert.match(await login('ben'), /^550 /)
    })

    it('logged each decision that was not a plain allow, as it was', async () => {
      const found = await eventually(() => {
        const lines = site.haraka
          .blockLog()
          .map((line) => `${String(line['device'])} ${String(line['reason'])}`)
        assert.ok(lines.includes('erik-phone fault_open'))
        return new Set(lines)
      })
      for (const line of ['ben-phone noncompliant', 'carol-phone grace', 'erik-phone fault_closed'])
        assert.ok(found.has(line), line)
    })

    it('named the damaged record and the missing store in the log, and no other fault', () => {
      const faults = site.haraka.haraka.output.split('\n').filter((line) => line.includes('"fault"'))
      assert.ok(faults.length > 0)
      for (const line of faults) assert.match(line, /devices\/erik-phone|replica was deleted/)
    })

    it('let neither a tag nor what was sent in its place be seen in Haraka’s log', () => {
      const { output } = site.haraka.haraka
      const words = output.split(/[^A-Za-z0-9+/=]+/).filter((word) => word.length >= 16)
      const decoded = words.map((word) => Buffer.from(word, 'base64').toString('latin1')).join('\n')
      for (const person of ['anna', 'ben', 'carol', 'dora', 'erik']) {
        const mac = tagged(person).slice(-24)
        assert.ok(!output.includes(mac) && !decoded.includes(mac), person)
      }
    })
  })

  it('does not begin without the gate’s code, whatever ignore_bad_plugins says', async () => {
    const haraka = await HarakaSite.create({ policy: 'mode: enforce\n', upstreamPort: 9 })
    const plugin = path.join(haraka.dir, 'plugins', 'device_gate')
    const source = fs.realpathSync(plugin)
    // A copy, from which there is no way to dist/.
    fs.rmSync(plugin)
    fs.cpSync(source, plugin, { recursive: true })
    haraka.editFile('smtp.ini', (text) => `${text}ignore_bad_plugins=true\n`)
    try {
      const started = haraka.spawn()
      assert.notEqual(await started.exited, 0)
      assert.match(started.output, /Cannot find module/)
    } finally {
      await haraka.remove()
    }
  })

  describe('with auth/auth_proxy, STARTTLS, and device_gate behind them in config/plugins', () => {
    let site: SmtpSite
    let backend: Backend
    let authority: CertificateAuthority
    before(async () => {
      authority = new CertificateAuthority()
      backend = await Backend.start()
      site = await SmtpSite.withAuthProxy(backend.port, authority.server())
    })
    after(async () => {
      backend.stop()
      authority.remove()
      await site.remove()
    })

    const open = async (channel: string, begin: Begin): Promise<Channel> =>
      channel.startsWith('U')
        ? new Channel(await backend.next(), () => assert.fail('the backend offers no TLS'))
        : openClient(site.port, begin)
    const directory = path.join(TRANSCRIPTS, 'auth-proxy')

    describeTranscripts(directory, (settings): Promise<World> => {
      const begin = beginOf(settings)
      return Promise.resolve({
        patterns: PATTERNS,
        open: (channel) => open(channel, begin),
        close: () => undefined,
      })
    })

    it('says in mode monitor octet for octet what it says in mode off, in all dialogues', async function () {
      this.timeout(180_000)
      assert.deepEqual(
        await heardIn('monitor', directory, site, open),
        await heardIn('off', directory, site, open),
      )
    })
  })
})
