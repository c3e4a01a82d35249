import assert from 'node:assert/strict'
import net from 'node:net'

import { isGreeted } from '../../src/imap/greeting'
import { CertificateAuthority } from '../support/certificates'
import { ImapGate } from './imap-gate'

const on = (port: number, host = '127.0.0.1'): { host: string; port: number } => ({ host, port })

describe('whether clients are greeted', () => {
  let ca: CertificateAuthority
  let gate: ImapGate | undefined
  let server: net.Server | undefined

  before(() => {
    ca = new CertificateAuthority()
  })
  after(() => ca.remove())
  afterEach(async () => {
    await gate?.close()
    server?.close()
    gate = server = undefined
  })

  const serve = async (onClient: (socket: net.Socket) => void): Promise<number> => {
    server = net.createServer(onClient)
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
    return (server.address() as net.AddressInfo).port
  }

  it('they are by the gate, in the clear and over TLS, also when it listens on all addresses', async () => {
    gate = await ImapGate.start({ tls: ca.issue({ commonName: 'localhost' }) })
    assert.equal(await isGreeted(on(gate.port), false), true)
    assert.equal(await isGreeted(on(gate.port, '0.0.0.0'), false), true)
    assert.equal(await isGreeted(on(gate.tlsPort), true), true)
  })

  it('they are not when they are turned away', async () => {
    gate = await ImapGate.start({ limits: { connections: 0 } })
    assert.equal(await isGreeted(on(gate.port), false), false)
  })

  it('they are not where nobody listens', async () => {
    const port = await serve(() => undefined)
    await new Promise((resolve) => server?.close(resolve))
    assert.equal(await isGreeted(on(port), false), false)
    assert.equal(await isGreeted(on(port), true), false)
  })

  it('they are not by one that hangs, speaks no TLS where it should, or says something else', async () => {
    const port = await serve((socket) => socket.on('error', () => undefined))
    assert.equal(await isGreeted(on(port), false), false)
    assert.equal(await isGreeted(on(port), true), false)
    server?.close()
    assert.equal(
      await isGreeted(on(await serve((socket) => socket.end('220 smtp.example.com\r\n'))), false),
      false,
    )
  })
})
