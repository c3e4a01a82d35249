import assert from 'node:assert/strict'

import { parseRedisUrl, type RedisTarget } from '../../src/config/redis-url'

const parse = (url: string): ReturnType<typeof parseRedisUrl> =>
  parseRedisUrl(url, (file) => `/config/${file}`)
const target = (url: string): RedisTarget => {
  const reading = parse(url)
  assert.ok(reading.ok, reading.ok ? '' : reading.problem)
  return reading.target
}
const node = (host: string, port: number): object => ({ host, port })

describe('the URL of the fleet store', () => {
  const plain: Partial<RedisTarget> = { kind: 'single', db: 0, username: null, password: null, tls: null }
  const forms: [url: string, target: Partial<RedisTarget>][] = [
    ['redis://127.0.0.1:6379/0', { ...plain, nodes: [node('127.0.0.1', 6379)] as never }],
    ['redis://redis.example.com', { ...plain, nodes: [node('redis.example.com', 6379)] as never }],
    ['redis://[2001:db8::1]:7000/3', { db: 3, nodes: [node('2001:db8::1', 7000)] as never }],
    ['redis://:secret@host', { username: null, password: 'secret' }],
    ['redis://gate:p%40ss%2F%3A@host', { username: 'gate', password: 'p@ss/:' }],
    ['redis://gate:p@ss@host', { username: 'gate', password: 'p@ss', nodes: [node('host', 6379)] as never }],
    ['redis://gate@host?password_file=pw', { username: 'gate', password: null, passwordFile: '/config/pw' }],
    ['rediss://host', { kind: 'single', tls: { ca: null, cert: null, key: null } }],
    [
      'rediss://host?ca=ca.pem&cert=c.pem&key=k.pem',
      { tls: { ca: '/config/ca.pem', cert: '/config/c.pem', key: '/config/k.pem' } },
    ],
    [
      'redis+sentinel://s1,s2:26380,[::1]/mail/2',
      {
        kind: 'sentinel',
        service: 'mail',
        db: 2,
        nodes: [node('s1', 26_379), node('s2', 26_380), node('::1', 26_379)] as never,
      },
    ],
    [
      'redis+sentinel://u:p@s1/mail?sentinel_username=watch&sentinel_password_file=spw',
      { username: 'u', password: 'p', sentinelUsername: 'watch', sentinelPasswordFile: '/config/spw' },
    ],
    [
      'rediss+cluster://a:7000,b',
      { kind: 'cluster', service: null, db: 0, nodes: [node('a', 7000), node('b', 6379)] as never },
    ],
  ]
  for (const [url, expected] of forms) {
    it(url, () => {
      const found = target(url)
      const picked = Object.fromEntries(
        Object.keys(expected).map((key) => [key, found[key as keyof RedisTarget]]),
      )
      assert.deepEqual(picked, expected)
    })
  }

  const mistakes: [url: string, problem: RegExp][] = [
    ['', /^must be one of redis:/],
    ['http://host', /^must be one of redis:/],
    ['redis+sentinle://:canary@host/mail', /^must be one of redis:/],
    ['redis://', /^host 1 must be "host", "host:port"/],
    ['redis://:canary@host:70000', /^host 1 must be/],
    ['redis://host:0', /^host 1 must be/],
    ['redis+sentinel://a,,c/mail', /^host 2 must be/],
    ['redis://a,b', /^names several hosts: use redis\+sentinel/],
    ['redis://host/zero', /^must end with the number of a database/],
    ['redis://host/0/1', /^must end with the number of a database/],
    ['redis+cluster://host/1', /^a Cluster has database 0 only/],
    ['redis+sentinel://host', /^must name the service/],
    ['redis+sentinel://host//0', /^must name the service/],
    ['redis://host?canary=1', /^has no parameter "canary"; known: password_file/],
    ['redis://host?ca=x', /^names certificates without TLS: begin it with rediss/],
    ['rediss://host?cert=x', /^needs both cert and key, or neither/],
    ['redis://:canary@host?password_file=x', /^has a password and a password_file/],
    ['redis://:%zz@host', /^has a user or password that is not percent-encoded/],
  ]
  for (const [url, problem] of mistakes) {
    it(`refuses ${url === '' ? 'an empty one' : url}`, () => {
      const reading = parse(url)
      assert.ok(!reading.ok)
      assert.match(reading.problem, problem)
      if (!url.includes('?canary')) assert.ok(!reading.problem.includes('canary'))
    })
  }
})
