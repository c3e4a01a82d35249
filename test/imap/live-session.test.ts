import assert from 'node:assert/strict'

import type { GateDecision, LiveSession } from '../../src/gate/gate'
import { Dialogue } from '../support/dialogue'
import { eventually } from '../support/eventually'
import { FakeUpstream, scripted, type UpstreamConnection } from './fake-upstream'
import { DECISION_ID, ImapGate, tagged } from './imap-gate'

const TEXT = `This device does not meet company requirements. Help desk: +1 555 0100 (${DECISION_ID})`
const BYE = `* BYE ${TEXT}\r\n`
const ALERT = `* OK [ALERT] ${TEXT}\r\n`
const OK = 'a1 OK [CAPABILITY IMAP4rev1] Logged in\r\n'

describe('an IMAP session that goes on after its login', () => {
  let upstream: FakeUpstream
  let proxy: ImapGate
  let client: Dialogue
  let server: UpstreamConnection

  before(async () => {
    upstream = await FakeUpstream.start(scripted)
    proxy = await ImapGate.start({ upstream: { port: upstream.port } })
  })
  afterEach(async () => {
    client.close()
    server.socket.destroy()
    await eventually(() => assert.equal(proxy.gate.followed.size, 0))
  })
  after(async () => {
    await proxy.close()
    upstream.close()
  })

  /** Logs in; what the server says behind its OK comes along, as does what the client says ahead of it. */
  async function session(behindOk = '', ahead = ''): Promise<LiveSession> {
    client = await Dialogue.connect(proxy.port)
    await client.line()
    client.send(`a1 LOGIN ${tagged('anna', 'd-1')} secret\r\n${ahead}`)
    server = await upstream.accepted()
    say('* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] ready\r\n')
    await server.channel.line()
    say(OK.replace('a1', 'a') + behindOk)
    assert.equal(await client.line(), OK.trimEnd())
    const [live] = proxy.gate.followed
    assert.ok(live)
    return live
  }

  const blocked = (live: LiveSession): GateDecision => {
    proxy.gate.outcomes.set('d-1', 'block')
    const decision = proxy.gate.decide(live.subject)
    proxy.gate.outcomes.delete('d-1')
    return decision
  }
  const say = (text: string): void => server.channel.send(Buffer.from(text, 'latin1'))

  it('is told goodbye with the reason at once while the server is silent, and ends on both sides', async () => {
    const live = await session()
    live.end(blocked(live))
    assert.equal(await client.ended(), BYE)
    await server.channel.closed()
    assert.deepEqual(proxy.gate.recorded.at(-1), {
      outcome: 'block',
      user: 'anna',
      remoteAddress: '127.0.0.1',
    })
  })

  it('is told goodbye behind the response under way, never within its literal', async () => {
    const live = await session()
    say('* 1 FETCH (BODY[] {10}\r\n01234')
    assert.equal(await client.line(), '* 1 FETCH (BODY[] {10}')
    assert.equal((await client.octets(5)).toString(), '01234')
    live.end(blocked(live))
    say('56\r\n9 UID 7)\r\n* 2 EXISTS\r\n* 3 FETCH (BO')
    assert.equal(await client.ended(), `56\r\n9 UID 7)\r\n* 2 EXISTS\r\n${BYE}`)
  })

  it('is told goodbye behind a response that began with the answer to its login', async () => {
    const live = await session('* 1 FETCH (BODY[] {4}\r\nab')
    assert.equal(await client.line(), '* 1 FETCH (BODY[] {4}')
    assert.equal((await client.octets(2)).toString(), 'ab')
    live.end(blocked(live))
    say('cd)\r\n')
    assert.equal(await client.ended(), `cd)\r\n${BYE}`)
  })

  it('is warned between two responses, and goes on', async () => {
    const live = await session()
    say('* 1 FETCH (BODY[] {4}\r\nab')
    assert.equal(await client.line(), '* 1 FETCH (BODY[] {4}')
    assert.equal((await client.octets(2)).toString(), 'ab')
    live.warn(blocked(live))
    say('cd)\r\n* 2 EXISTS\r\n* 3 EXP')
    assert.equal(await client.until(/ALERT/), `cd)\r\n* 2 EXISTS\r\n${ALERT}`)
    say('UNGE\r\n')
    assert.equal(await client.line(), '* 3 EXPUNGE')
    client.send('a2 NOOP\r\n')
    assert.equal(await server.channel.line(), 'a2 NOOP')
  })

  describe('whose client asked for compression', () => {
    /** Logs in and asks, by a command that came with the login or behind it. */
    async function compressing(how: 'behind' | 'ahead'): Promise<LiveSession> {
      const ask = 'a2 COMPRESS DEFLATE\r\n'
      const live = await session('', how === 'ahead' ? ask : '')
      if (how === 'behind') client.send(ask)
      assert.equal(await server.channel.line(), ask.trimEnd())
      return live
    }

    for (const how of ['behind', 'ahead'] as const) {
      it(`is ended without a word that it could not read (asked ${how})`, async () => {
        const live = await compressing(how)
        live.end(blocked(live))
        assert.equal(await client.ended(), '')
        await server.channel.closed()
      })
    }

    it('is told no warning, and has all octets of its server unchanged', async () => {
      const live = await compressing('behind')
      live.warn(blocked(live))
      say('a2 OK go\r\n')
      live.warn(blocked(live))
      say('\r\n{9}\r\n')
      assert.equal((await client.octets(17)).toString(), 'a2 OK go\r\n\r\n{9}\r\n')
    })

    it('is ended at once when its goodbye was still waiting for the end of a response', async () => {
      const live = await session()
      say('* 1 FETCH (BODY[] {10}\r\n')
      assert.equal(await client.line(), '* 1 FETCH (BODY[] {10}')
      live.end(blocked(live))
      client.send('a2 COMPRESS DEFLATE\r\n')
      assert.equal(await client.ended(), '')
    })
  })

  it('is no longer followed once its client has gone', async () => {
    await session()
    client.close()
    await server.channel.closed()
    server.socket.end()
    await eventually(() => assert.equal(proxy.gate.followed.size, 0))
  })
})
