import assert from 'node:assert/strict'

import { FakeUpstream, MailServer } from '../imap/fake-upstream'
import { deviceLine } from '../support/device-line'
import { Dialogue } from '../support/dialogue'
import { eventually } from '../support/eventually'
import { HarakaSite } from '../support/haraka-site'
import { RedisServer } from '../support/redis-server'

const USER = 'anna@example.com'
const PASSWORD = 'secret'
const PHONE = 'anna-phone'
const MESSAGES = 10_000
const LOGINS = 10_000
/** At once; `imap.limits.per_address` is above it. */
const CONNECTIONS = 40
const PIPELINED = 25
/** What a host says each second, and what it asks of the log, are so many commands of each name at most. */
const EACH_SECOND = 4

describe('a host of a fleet that decides 10,000 messages and 10,000 logins', function () {
  // About half a minute on two cores that have nothing else to do.
  this.timeout(180_000)
  let redis: RedisServer
  let upstream: FakeUpstream
  let site: HarakaSite
  let user: string

  before(async () => {
    redis = await RedisServer.start()
    upstream = await FakeUpstream.start(new MailServer({ accounts: { [USER]: PASSWORD } }).serve)
    site = await HarakaSite.create({
      nodes: 2,
      policy: 'mode: enforce\nnoncompliant: block\nunknown: block\n',
      upstreamPort: upstream.port,
      users: { [USER]: PASSWORD },
      hostConfig: `store: { kind: redis, redis: { url: "${redis.url}" } }\npolicy: { source: fleet }`,
    })
    await site.run('tag', 'rotate')
    await site.start()
    await site.run('device', 'put', deviceLine({ id: PHONE, state: 'compliant' }))
    user = await site.tag(USER, PHONE)
  })
  after(async () => {
    await site.remove()
    upstream.close()
    await redis.remove()
  })

  /** Does `count` pieces of work over some connections at once. */
  async function spread(count: number, work: (pieces: number) => Promise<void>): Promise<void> {
    await Promise.all(Array.from({ length: CONNECTIONS }, () => work(count / CONNECTIONS)))
  }

  async function submit(messages: number): Promise<void> {
    const smtp = await Dialogue.connect(site.smtpPort)
    await smtp.until(/^220 /)
    await smtp.ask('EHLO phone', /^250 /)
    await smtp.ask(`AUTH PLAIN ${Buffer.from(`\0${user}\0${PASSWORD}`).toString('base64')}`, /^235 /)
    for (let sent = 0; sent < messages; sent += PIPELINED) {
      smtp.send('MAIL FROM:<anna@example.com>\r\nRSET\r\n'.repeat(PIPELINED))
      for (let i = 0; i < 2 * PIPELINED; i += 1) assert.match(await smtp.line(), /^250 /)
    }
    smtp.close()
  }

  async function logIn(logins: number): Promise<void> {
    for (let i = 0; i < logins; i += 1) {
      const imap = await Dialogue.connect(site.imapPort)
      await imap.until(/^\* OK /)
      await imap.ask(`a LOGIN ${user} ${PASSWORD}`, /^a OK /)
      imap.close()
    }
  }

  const calls = async (): Promise<Map<string, number>> => {
    const info = await redis.client.info('commandstats')
    return new Map(
      [...info.matchAll(/^cmdstat_(\S+?):calls=(\d+)/gm)].map(([, name = '', n]) => [name, Number(n)]),
    )
  }

  it('sends no command to Redis for them: only its own heartbeat, as often as without them', async () => {
    // The first login of each worker, and what its start still had to say, are over.
    await submit(PIPELINED)
    await eventually(async () => assert.match(await site.run('status'), /all well/))
    await redis.client.config('RESETSTAT')
    const from = performance.now()
    await spread(MESSAGES, submit)
    await spread(LOGINS, logIn)
    const seconds = (performance.now() - from) / 1000
    const found = await calls()
    for (const own of ['info', 'config|resetstat']) found.delete(own)
    const most = EACH_SECOND * (seconds + 2)
    const tooMany = [...found].filter(([, count]) => count > most)
    assert.deepEqual(
      tooMany,
      [],
      `in ${seconds.toFixed(1)} s no command may be called more than ${most} times`,
    )
    const beats = ['evalsha', 'set', 'zadd', 'zremrangebyscore', 'time', 'type', 'hexists', 'hmget', 'xread']
    assert.deepEqual(
      [...found.keys()].filter((name) => !beats.includes(name)),
      [],
      'of the heartbeat and the log alone',
    )
  })
})
