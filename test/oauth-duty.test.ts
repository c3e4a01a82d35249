import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'

import sinon from 'sinon'

import type { HostConfig } from '../src/config/host-config'
import { watchOauthKeys, type WatchedOauthKeys } from '../src/config/oauth-key-file'
import { JournalStore } from '../src/journal/journal-store'
import { createLogger } from '../src/journal/logger'
import { startOauthDuty, type OauthDuty } from '../src/oauth-duty'
import { json, LocalSource } from './feeds/local-source'
import { eventually } from './support/eventually'
import { tempDirs } from './support/temp-dir'
import { TokenIssuer } from './support/token-issuer'

describe('the keys of OAuth tokens', () => {
  const tempDir = tempDirs()
  const issuer = new TokenIssuer()
  let source: LocalSource
  let stateDir: string
  let journal: JournalStore
  let duty: OauthDuty
  let keys: WatchedOauthKeys
  let log: string[]
  let clock: sinon.SinonFakeTimers
  let jwksUri: string | undefined
  let edit: (config: HostConfig) => void

  const config = (): HostConfig =>
    ({ stateDir, identity: { oauth: jwksUri === undefined ? null : issuer.rules(jwksUri) } }) as HostConfig
  const start = (): void => {
    duty = startOauthDuty(
      {
        journal,
        config: { current: config, problems: () => [], waiting: () => [], close: () => undefined },
        logger: createLogger((line) => log.push(line)),
        onConfigChange: (listener) => (edit = listener),
        onFault: assert.ifError,
      },
      () => undefined,
    )
  }
  const unknownKey = (): Promise<void> =>
    journal.workers.note({ pid: 1, sequence: 0, sessions: 0, orderedAt: 0, unknownKeyAt: Date.now() })
  const isKnown = (kid: string) => () => assert.ok(keys.current()?.find('RS256', kid), `${kid} is not known`)
  const isTold = (text: string) => () =>
    assert.ok(
      log.some((line) => line.includes(text)),
      log.join(''),
    )

  beforeEach(async () => {
    clock = sinon.useFakeTimers({ toFake: ['Date'], now: Date.now() })
    stateDir = tempDir()
    source = await LocalSource.start(() => json({ keys: issuer.jwks() }))
    jwksUri = `${source.url}/keys`
    journal = JournalStore.open(stateDir, { now: Date.now, onFault: assert.ifError })
    keys = watchOauthKeys(stateDir)
    log = []
    start()
  })
  afterEach(async () => {
    keys.close()
    await duty.close()
    await journal.close()
    await source.close()
    clock.restore()
  })

  it('are fetched in the background, and reach the workers', async () => {
    await eventually(isKnown('rs'))
    assert.deepEqual([keys.current()?.jwksUri, keys.current()?.fetchedAt], [jwksUri, Date.now()])
    assert.equal(duty.problem(), null)
  })

  it('are fetched anew when a token of an unknown key came, no oftener than twice a minute', async () => {
    await eventually(isKnown('rs'))
    source.answer = () => json({ keys: issuer.jwks({ kid: 'new' }) })
    clock.setSystemTime(Date.now() + 5000)
    await unknownKey()
    clock.setSystemTime(Date.now() + 24_000)
    const looks = sinon.spy(journal.workers, 'all')
    await eventually(() => assert.ok(looks.callCount > 2))
    assert.equal(source.seen.length, 1)
    clock.setSystemTime(Date.now() + 1000)
    await eventually(isKnown('new'))
  })

  it('are fetched anew after an hour, whatever the issuer allows', async () => {
    source.answer = () => json({ keys: issuer.jwks() }, { 'cache-control': 'max-age=86400', etag: '"1"' })
    await eventually(isKnown('rs'))
    clock.setSystemTime(Date.now() + 3_600_000)
    source.answer = () => ({ status: 304 })
    await eventually(() => assert.equal(keys.current()?.fetchedAt, Date.now()))
    isKnown('rs')()
  })

  const bad: readonly (readonly [title: string, answer: LocalSource['answer'], problem: string])[] = [
    [
      'a set of 10,000 keys',
      () => json({ keys: Array.from({ length: 10_000 }, (_, i) => ({ kty: 'RSA', kid: String(i) })) }),
      "the issuer's key set has 10000 keys, more than 100",
    ],
    [
      'a set that does not end',
      () => json({ keys: 'x'.repeat(2 ** 21) }),
      'answers with more than 1048576 octets',
    ],
    ['what is no key set', () => json(['keys']), "the issuer's key set has no list of keys"],
    ['a page of another kind', () => ({ status: 200, body: '<html>' }), 'with what is no JSON'],
    ['an error', () => ({ status: 503 }), "the issuer's key set answers 503"],
  ]
  for (const [title, answer, problem] of bad)
    it(`stay as they were when the issuer answers with ${title}`, async () => {
      await eventually(isKnown('rs'))
      const { fetchedAt } = keys.current() ?? {}
      source.answer = answer
      clock.setSystemTime(Date.now() + 3_600_000)
      await eventually(isTold(problem))
      isKnown('rs')()
      assert.equal(keys.current()?.fetchedAt, fetchedAt, 'and count from when they were had')
      assert.match(duty.problem() ?? '', new RegExp(problem.slice(0, 20)))
      source.answer = () => json({ keys: issuer.jwks() })
      clock.setSystemTime(Date.now() + 30_000)
      await eventually(isTold('can be fetched again'))
      assert.equal(duty.problem(), null)
    })

  it('are those of before after a start while the issuer is away', async () => {
    await eventually(isKnown('rs'))
    await duty.close()
    keys.close()
    source.answer = () => ({ status: 500 })
    start()
    keys = watchOauthKeys(stateDir)
    isKnown('rs')()
    await eventually(isTold('answers 500'))
    isKnown('rs')()
  })

  it('are fetched from another place when the config names one', async () => {
    await eventually(isKnown('rs'))
    source.answer = ({ url }) => json({ keys: issuer.jwks({ kid: url.pathname }) })
    jwksUri = `${source.url}/other`
    edit(config())
    await eventually(isKnown('/other'))
    assert.equal(keys.current()?.jwksUri, jwksUri)
  })

  it('are kept for the gate’s user alone', async () => {
    await eventually(isKnown('rs'))
    const { mode } = fs.statSync(path.join(stateDir, 'oauth-keys.json'))
    assert.equal(mode & 0o777, 0o600)
  })
})
