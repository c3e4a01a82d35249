import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'

import { storeKeys } from '../../../src/devices/redis/keys'
import { connectRedis } from '../../../src/devices/redis/connection'
import { StoreProblem } from '../../../src/devices/redis/problem'
import { CertificateAuthority, type Certificate } from '../../support/certificates'
import { eventually } from '../../support/eventually'
import { freePorts } from '../../support/ports'
import { RedisServer } from '../../support/redis-server'
import { tempDirs } from '../../support/temp-dir'
import { record } from '../samples'
import { FleetHost, redisTarget } from './fleet-host'

/** Connects and says PONG, or gives the kind of problem. */
async function outcome(url: string): Promise<string> {
  try {
    const client = await connectRedis(redisTarget(url), 'a-test')
    const pong = await client.ping()
    client.disconnect()
    return pong
  } catch (error) {
    assert.ok(error instanceof StoreProblem, String(error))
    return `${error.kind}: ${error.message}`
  }
}

/** A host that works with this URL: it writes, and takes in what it wrote. */
async function assertUsable(url: string, prefix = 'dg:'): Promise<void> {
  const host = FleetHost.open({ url, prefix })
  try {
    await host.store.putDevices([record()])
    assert.deepEqual(host.store.device('d-1'), record())
    await eventually(() => assert.ok(host.store.leaseValid(Date.now()), host.told.join('\n')))
    assert.equal(host.problem, undefined)
  } finally {
    await host.remove()
  }
}

describe('a connection to Redis', () => {
  describe('with passwords', () => {
    const makeDir = tempDirs()
    let server: RedisServer
    let at: string
    before(async () => {
      server = await RedisServer.start({
        password: 'p@ss/w:rd',
        config: [
          'requirepass "p@ss/w:rd"',
          // As docs/fleet.md says.
          'user gate on >secret resetkeys ~dg:* -@all +@read +@write +@scripting +@connection -@dangerous +info +time',
          'user other on >secret resetkeys ~dg:* -@all +@connection',
        ],
      })
      at = `127.0.0.1:${server.port}`
    })
    after(() => server.remove())

    const secretFile = (text: string): string => {
      const file = path.join(makeDir(), 'redis.password')
      fs.writeFileSync(file, text)
      return file
    }

    it('is let in with the password, percent-encoded', async () => {
      assert.equal(await outcome(`redis://:p%40ss%2Fw%3Ard@${at}`), 'PONG')
    })
    it('is let in with the password in a file, with or without a line end', async () => {
      for (const end of ['', '\n', '\r\n'])
        assert.equal(await outcome(`redis://${at}?password_file=${secretFile(`p@ss/w:rd${end}`)}`), 'PONG')
    })
    it('is let in as an ACL user that has what docs/fleet.md says', async () => {
      await assertUsable(`redis://gate:secret@${at}`)
      await assertUsable(`redis://gate@${at}?password_file=${secretFile('secret\n')}`)
    })
    it('is kept to its prefix by the ACL', async () => {
      const host = FleetHost.open({ url: `redis://gate:secret@${at}`, prefix: 'other:' })
      try {
        await assert.rejects(host.store.putDevices([record()]), { kind: 'refused' })
      } finally {
        await host.remove()
      }
    })

    const refusals: [what: string, url: () => string, said: RegExp][] = [
      ['no password', () => `redis://${at}`, /^refused: .*NOAUTH.*check user and password/],
      ['a wrong password', () => `redis://:canary@${at}`, /^refused: .*WRONGPASS/],
      ['an unknown user', () => `redis://nobody:canary@${at}`, /^refused: .*WRONGPASS/],
      [
        'a user without permission',
        () => `redis://other:secret@${at}`,
        /^refused: .*NOPERM.*docs\/fleet\.md/,
      ],
      [
        'no password file',
        () => `redis://${at}?password_file=/nowhere/x`,
        /^refused: .*\/nowhere\/x cannot be read/,
      ],
    ]
    for (const [what, url, said] of refusals) {
      it(`says what is wrong with ${what}, without the password`, async () => {
        const told = await outcome(url())
        assert.match(told, said)
        assert.ok(!told.includes('canary'))
      })
    }
  })

  describe('with TLS', () => {
    let ca: CertificateAuthority
    let client: Certificate
    let server: RedisServer
    let at: string
    before(async () => {
      ca = new CertificateAuthority()
      client = ca.issue({ commonName: 'gate' })
      server = await RedisServer.start({ tls: { ca: ca.file, ...ca.server() } })
      at = `127.0.0.1:${server.port}`
    })
    after(async () => {
      await server.remove()
      ca.remove()
    })

    it('shows its certificate, and checks the server by the CA of the URL', async () => {
      await assertUsable(`rediss://${at}?ca=${ca.file}&cert=${client.cert}&key=${client.key}`)
    })
    it('does not trust a server that another CA vouches for', async () => {
      assert.match(
        await outcome(`rediss://${at}?cert=${client.cert}&key=${client.key}`),
        /^unreachable: .*(self-signed|unable to verify)/,
      )
    })
    it('is refused without a certificate where the server wants one', async () => {
      assert.match(await outcome(`rediss://${at}?ca=${ca.file}`), /^unreachable: /)
    })
    it('is not made without TLS', async () => {
      assert.match(await outcome(`redis://${at}`), /^unreachable: /)
    })
  })

  describe('to a Cluster', () => {
    let nodes: RedisServer[]
    before(async () => {
      nodes = []
      for (const [from, to] of [
        [0, 8191],
        [8192, 16_383],
      ] as const) {
        const [bus = 0] = await freePorts(1)
        const node = await RedisServer.start({ config: ['cluster-enabled yes', `cluster-port ${bus}`] })
        nodes.push(node)
        await node.client.call('CLUSTER', 'ADDSLOTSRANGE', from, to)
        await nodes[0]?.client.call('CLUSTER', 'MEET', '127.0.0.1', node.port, bus)
      }
      await eventually(async () => {
        for (const node of nodes) assert.match(await node.client.cluster('INFO'), /cluster_state:ok/)
        for (const node of nodes) assert.match(await node.client.cluster('INFO'), /cluster_known_nodes:2/)
      })
    })
    after(async () => {
      for (const node of nodes) await node.remove()
    })

    it('keeps each store on one node, and stores with other prefixes on others', async () => {
      const prefixes = ['dg:', 'dg-eu:', 'dg-us:', 'dg-asia:']
      for (const prefix of prefixes) await assertUsable(`redis+cluster://127.0.0.1:${nodes[0]?.port}`, prefix)
      const holders = await Promise.all(
        prefixes.map(async (prefix) => {
          const slot = await nodes[0]?.client.cluster('KEYSLOT', storeKeys(prefix).meta)
          return Number(slot) < 8192 ? 0 : 1
        }),
      )
      assert.deepEqual(new Set(holders), new Set([0, 1]), 'the prefixes of this test are on both nodes')
      for (const [index, prefix] of prefixes.entries()) {
        const { meta, devices } = storeKeys(prefix)
        const found = await nodes[holders[index] ?? 0]?.client.exists(meta, devices)
        assert.equal(found, 2, prefix)
      }
    })

    it('follows a node that is down and comes back', async () => {
      const host = FleetHost.open({ url: `redis+cluster://127.0.0.1:${nodes[1]?.port}`, prefix: 'back:' })
      try {
        await host.store.putDevices([record({ id: 'd-1' })])
        for (const node of nodes) node.freeze()
        await host.untilTold(/^problem: (unreachable|not_ready)/)
        for (const node of nodes) node.thaw()
        await eventually(() => assert.equal(host.problem, undefined))
        await host.store.putDevices([record({ id: 'd-2' })])
        assert.equal(host.store.counts().devices, 2)
      } finally {
        for (const node of nodes) node.thaw()
        await host.remove()
      }
    })
  })
})
