import assert from 'node:assert/strict'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import tls from 'node:tls'

import { CertificateAuthority, type Certificate } from '../support/certificates'
import { eventually } from '../support/eventually'
import { ImapGate, type ImapGateOptions } from './imap-gate'

const MAX_HANDSHAKES = 500

describe('TLS towards clients', () => {
  let ca: CertificateAuthority
  let gate: ImapGate | undefined
  const sockets: net.Socket[] = []

  before(() => (ca = new CertificateAuthority()))
  after(() => ca.remove())
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy()
    await gate?.close()
    assert.deepEqual(gate?.faults, [])
  })

  const start = async (options: ImapGateOptions): Promise<ImapGate> => (gate = await ImapGate.start(options))

  async function handshake(port: number, client?: Certificate): Promise<tls.TLSSocket> {
    const socket = tls.connect({
      port,
      host: '127.0.0.1',
      ca: fs.readFileSync(ca.file),
      ...(client && { cert: fs.readFileSync(client.cert), key: fs.readFileSync(client.key) }),
    })
    sockets.push(socket)
    await once(socket, 'secureConnect')
    return socket
  }

  const serial = async (port: number): Promise<string> =>
    (await handshake(port)).getPeerCertificate().serialNumber

  /** Puts a certificate where the gate looks for its own. */
  function install(from: Certificate, to: Certificate): void {
    fs.copyFileSync(from.key, to.key)
    fs.copyFileSync(from.cert, to.cert)
  }

  it('lets the oldest of more than five hundred handshakes go, and others in', async () => {
    const { tlsPort } = await start({ tls: ca.server() })
    const silent: net.Socket[] = []
    for (let i = 0; i < MAX_HANDSHAKES; i += 1) {
      const socket = net.connect(tlsPort, '127.0.0.1').on('error', () => undefined)
      sockets.push(socket)
      silent.push(socket)
      if (i === 0) await once(socket, 'connect')
    }
    await Promise.all(silent.slice(1).map((socket) => once(socket, 'connect')))
    const [oldest] = silent
    const gone = once(oldest!.resume(), 'close')
    await handshake(tlsPort)
    await gone
    await eventually(() => assert.match(gate?.warnings[0] ?? '', /^limit reached: TLS handshakes/))
  })

  it('forgets the handshake of a client that ended its side', async () => {
    const { tlsPort } = await start({ tls: ca.server() })
    const socket = net.connect({ port: tlsPort, host: '127.0.0.1', allowHalfOpen: true })
    sockets.push(socket)
    await once(socket, 'connect')
    socket.end()
    await once(socket.resume(), 'close')
  })

  it('closes on octets that are no handshake, and on a client that goes away in it', async () => {
    const { tlsPort, port } = await start({ tls: ca.server(), limits: { connections: 1 } })
    const nonsense = net.connect(tlsPort, '127.0.0.1', () => nonsense.write('a LOGIN anna secret\r\n'))
    await once(
      nonsense.resume().on('error', () => undefined),
      'close',
    )
    const gone = net.connect(tlsPort, '127.0.0.1', () => gone.resetAndDestroy())
    await once(gone, 'close')
    // The one connection there may be is given back.
    await eventually(async () => {
      const socket = net.connect(port, '127.0.0.1')
      sockets.push(socket)
      const [greeting] = (await once(socket, 'data')) as [Buffer]
      socket.destroy()
      assert.match(greeting.toString(), /^\* OK /)
    })
  })

  it('takes a new certificate when its files change, and keeps the old one when they are no use', async () => {
    const files = ca.server()
    const [renewed, broken] = [ca.server(), ca.server()]
    const { tlsPort } = await start({ tls: files })
    const before = await serial(tlsPort)
    install(renewed, files)
    await eventually(async () => assert.notEqual(await serial(tlsPort), before))
    const after = await serial(tlsPort)
    fs.writeFileSync(files.cert, 'no certificate')
    await eventually(() =>
      assert.match(gate?.warnings.at(-1) ?? '', /^the new certificate cannot be used; the old one stays/),
    )
    assert.equal(await serial(tlsPort), after)
    install(broken, files)
    await eventually(async () => assert.notEqual(await serial(tlsPort), after))
  })

  it('trusts the devices of a new CA when that file changes', async () => {
    const [oldCa, newCa] = [new CertificateAuthority('Old'), new CertificateAuthority('New')]
    try {
      const phone = newCa.device('d-1', 'anna@example.com')
      const { tlsPort } = await start({ tls: ca.server(), clientCa: oldCa.file })
      const offers = async (): Promise<string> => {
        const socket = await handshake(tlsPort, phone)
        const [greeting] = (await once(socket, 'data')) as [Buffer]
        return greeting.toString()
      }
      assert.doesNotMatch(await offers(), /AUTH=EXTERNAL/)
      fs.copyFileSync(newCa.file, oldCa.file)
      await eventually(async () => assert.match(await offers(), /AUTH=EXTERNAL/))
    } finally {
      oldCa.remove()
      newCa.remove()
    }
  })
})
