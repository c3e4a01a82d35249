import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import sinon from 'sinon'

import { farewell } from '../../src/imap/farewell'

describe('a farewell', () => {
  let listener: net.Server
  let clock: sinon.SinonFakeTimers
  let client: net.Socket
  let server: net.Socket

  beforeEach(async () => {
    listener = net.createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const { port } = listener.address() as net.AddressInfo
    client = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => undefined)
    ;[server] = (await once(listener, 'connection')) as [net.Socket]
    server.on('error', () => undefined)
    clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  })

  afterEach(() => {
    clock.restore()
    client.destroy()
    server.destroy()
    listener.close()
  })

  it('is read by a client that was in the middle of sending', async () => {
    client.write(Buffer.alloc(500_000))
    farewell(server, '* BYE enough\r\n')
    let words = ''
    client.on('data', (chunk: Buffer) => (words += chunk.toString()))
    await once(client, 'end')
    assert.equal(words, '* BYE enough\r\n')
    client.end()
    await once(server, 'close')
    assert.equal(clock.countTimers(), 0)
  })

  it('ends the connection of a client that goes on sending', async () => {
    farewell(server, '* BYE enough\r\n')
    client.write(Buffer.alloc(5_000_000))
    await once(server, 'close')
    assert.equal(clock.countTimers(), 0)
  })

  it('ends the connection of a client that stays, after two seconds', async () => {
    farewell(server, '* BYE enough\r\n')
    await once(client.resume(), 'end')
    clock.tick(1999)
    assert.equal(server.destroyed, false)
    clock.tick(1)
    assert.equal(server.destroyed, true)
  })

  it('ends at once with a client that had ended', async () => {
    client.end()
    await once(server.resume(), 'end')
    farewell(server, '* BYE enough\r\n')
    let words = ''
    client.on('data', (chunk: Buffer) => (words += chunk.toString()))
    await once(server, 'close')
    await once(client, 'end')
    assert.equal(words, '* BYE enough\r\n')
  })
})
