import { fork } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

import { issueTag } from '../../src/identity/device-tag'
import { parseKeyring } from '../../src/identity/tag-keyring'
import { deviceLine } from '../../test/support/device-line'
import { HarakaSite } from '../../test/support/haraka-site'
import { RedisServer } from '../../test/support/redis-server'
import { SyncClient, type SyncDevice } from './sync-client'

const PASSWORD = 'secret'
/** Octets of the INBOX's messages; the last one is more than the kernel's buffers take. */
const MESSAGES = [100_000, 250_000, 500_000, 1_000_000, 5_000_000]
/** One in so many sessions reads it slowly, over and over. */
const SLOW = 50
const HOSTS = 2
const TAG_KEYS = 'device_gate_tag.key'

const ALLOWS = 'mode: enforce\nmax_new_blocks: { percent: 100, count: 1000000 }\n'
const BLOCKS = `${ALLOWS}mandates:
  - id: forbidden-app
    finding: "app:com.example.forbidden"
    platforms: [ios, android]
    warn_from: 2020-07-06T00:00:00Z
    deadline: 2020-07-10T23:59:00Z
    message: Remove the app
`

const userOf = (i: number): string => `person-${i}@example.com`
const phoneOf = (i: number): string => `phone-${i}`

/** Two hosts with two workers each on one Redis, whose phones all have an app that an order forbids. */
export interface MandateFleet {
  readonly sites: readonly HarakaSite[]
  /** Of each host, a process with the mail apps of its share of the sessions. */
  readonly clients: readonly SyncClient[]
  /** What a phone logs in with that has no session. */
  readonly probe: { readonly user: string; readonly pass: string }
  /** Puts the order in force that blocks all phones. */
  block(): Promise<void>
  /** Takes it back, by a command on one of the hosts in turn; gives each host's milliseconds as the proof says. */
  recall(turn: number): Promise<readonly number[]>
  /** When the newest end of each device's session was decided, in epoch milliseconds. */
  revokedAt(): Promise<ReadonlyMap<string, number>>
  remove(): Promise<void>
}

interface Block {
  readonly protocol: string
  readonly device: string
  readonly time: string
}

export async function startMandateFleet(phones: number, sessions: number): Promise<MandateFleet> {
  const redis = await RedisServer.start()
  const users = Array.from({ length: sessions + 1 }, (_, i) => userOf(i))
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'device-gate-bench-'))
  const messages = writeMessages(dir)
  const upstream = fork(path.join(__dirname, 'stub-mail-process.ts'), messages)
  const [upstreamPort] = (await once(upstream, 'message')) as [number]
  const sites: HarakaSite[] = []
  const clients: SyncClient[] = []
  const remove = async (): Promise<void> => {
    for (const client of clients) client.stop()
    for (const site of sites) await site.remove()
    upstream.kill()
    await redis.remove()
    fs.rmSync(dir, { recursive: true, force: true })
  }
  try {
    for (let host = 0; host < HOSTS; host += 1) {
      const site = await HarakaSite.create({
        nodes: 2,
        policy: ALLOWS,
        upstreamPort,
        upstreamHost: '127.0.0.1',
        users: { [userOf(0)]: PASSWORD },
        hostConfig: `store: { kind: redis, redis: { url: "${redis.url}" } }\npolicy: { source: fleet }`,
        imapConfig: '  limits: { per_address: 10000 }',
      })
      sites.push(site)
      const [first] = sites
      if (first === site) await site.run('tag', 'rotate')
      else site.writeFile(TAG_KEYS, fs.readFileSync(first?.file(TAG_KEYS) ?? '', 'utf8'))
      await site.start()
    }
    const [site] = sites
    if (!site) throw new Error('no host')
    site.writeFile('phones.ndjson', phonesNdjson(phones))
    await site.run('device', 'import', site.file('phones.ndjson'))
    site.writeFile('order.yaml', BLOCKS)

    const [key] = parseKeyring(fs.readFileSync(site.file(TAG_KEYS), 'utf8')).keys
    if (!key) throw new Error('no tag key')
    const login = (i: number): string => issueTag(key, '#', userOf(i), phoneOf(i))
    for (const [host, { imapPort: port }] of sites.entries()) {
      const devices = users.flatMap((_, i): SyncDevice[] =>
        i > 0 && i % HOSTS === host
          ? [{ id: phoneOf(i), login: login(i), port, slow: Math.floor(i / HOSTS) % SLOW === 0 }]
          : [],
      )
      clients.push(new SyncClient({ password: PASSWORD, messages }, devices))
    }
    return {
      sites,
      clients,
      probe: { user: login(0), pass: PASSWORD },
      block: async () => {
        await site.run('policy', 'apply', site.file('order.yaml'), '--reason', 'a mandate')
      },
      recall: async (turn) => {
        const proof = await sites[turn % HOSTS]?.run('recall', '--reason', 'sent in error', '--json')
        const { hosts } = JSON.parse(proof ?? '') as { readonly hosts: readonly { readonly ms: number }[] }
        return hosts.map(({ ms }) => ms)
      },
      revokedAt: async () => {
        const lines = await site.run('blocks', '--json', '--limit', '100000', '--since', '2m')
        const blocks = lines.split('\n').map((line) => JSON.parse(line) as Block)
        return new Map(
          blocks.flatMap(({ protocol, device, time }) =>
            protocol === 'imap' ? [[device, Date.parse(time)] as const] : [],
          ),
        )
      },
      remove,
    }
  } catch (error) {
    await remove()
    throw error
  }
}

const phonesNdjson = (count: number): string =>
  Array.from({ length: count }, (_, i) =>
    deviceLine({
      id: phoneOf(i),
      owners: [userOf(i)],
      platform: i % 2 === 0 ? 'ios' : 'android',
      findings: ['app:com.example.forbidden'],
    }),
  ).join('\n')

/** Gives the files; no two lines of them are the same, and their ends look like those that announce a literal. */
function writeMessages(dir: string): string[] {
  return MESSAGES.map((octets, message) => {
    let text = `Subject: message ${message + 1}\r\n\r\n`
    for (let line = 0; text.length < octets; line += 1)
      text += `message ${message + 1}, line ${line} ${'x'.repeat(line % 60)} {${line}}\r\n`
    const file = path.join(dir, `message-${message + 1}`)
    fs.writeFileSync(file, text)
    return file
  })
}
