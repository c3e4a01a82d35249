import assert from 'node:assert/strict'
import type { LookupFunction } from 'node:net'

import { NameCache } from '../../src/imap/name-cache'

describe("the upstream's name", () => {
  const asked: string[] = []
  let addresses: string[] = []
  let now = 0
  const resolver: LookupFunction = (hostname, _options, callback) => {
    asked.push(hostname)
    const found = addresses.map((address) => ({ address, family: 4 }))
    const error = found.length === 0 ? new Error(`no address of ${hostname}`) : null
    process.nextTick(callback, error, found)
  }
  const ask = (names: NameCache, hostname: string): Promise<unknown> =>
    new Promise((resolve) => {
      names.find(hostname, { all: true }, (error, found) => resolve(error?.message ?? found))
    })
  const A = [{ address: '192.0.2.1', family: 4 }]
  const B = [{ address: '192.0.2.2', family: 4 }]

  beforeEach(() => {
    asked.length = 0
    addresses = ['192.0.2.1']
    now = 1000
  })

  it('is looked up once in five seconds, and then anew', async () => {
    const names = new NameCache(resolver, () => now)
    assert.deepEqual(await ask(names, 'mail'), A)
    addresses = ['192.0.2.2']
    now += 4999
    assert.deepEqual(await ask(names, 'mail'), A)
    assert.deepEqual(asked, ['mail'])
    now += 1
    assert.deepEqual(await ask(names, 'mail'), B)
    assert.deepEqual(asked, ['mail', 'mail'])
  })

  it('is looked up when it was another one before', async () => {
    const names = new NameCache(resolver, () => now)
    await ask(names, 'old')
    addresses = ['192.0.2.2']
    assert.deepEqual(await ask(names, 'new'), B)
  })

  it('is asked for again at once when it was not found', async () => {
    const names = new NameCache(resolver, () => now)
    addresses = []
    assert.equal(await ask(names, 'mail'), 'no address of mail')
    addresses = ['192.0.2.1']
    assert.deepEqual(await ask(names, 'mail'), A)
  })
})
