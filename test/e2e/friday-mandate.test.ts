import assert from 'node:assert/strict'

import { Dovecot } from '../support/dovecot'
import { eventually } from '../support/eventually'
import { HarakaSite } from '../support/haraka-site'
import { imapClient, submitMail, syncMail } from '../support/mail-client'

const APP = 'app:com.zhiliaoapp.musically'
const ORDER = 'Remove TikTok from this phone to go on using company email'
const PASSWORD = 'secret'
const DAY_MS = 86_400_000

const device = (owner: string, platform: string, findings: readonly string[]): string =>
  JSON.stringify({
    id: `${owner}-${platform}`,
    owners: [`${owner}@example.com`],
    platform,
    state: 'compliant',
    findings,
    evidence_at: new Date().toISOString(),
    source: 'mdm',
    version: 1,
  })

const FLEET = [
  device('anna', 'ios', [APP]),
  device('ben', 'android', [APP]),
  device('anna', 'windows', [APP]),
  device('carol', 'ios', []),
]

/** Time moves by the dates: `days` from now. */
const mandate = (warnFrom: number, deadline: number, mode = 'enforce'): string => {
  const at = (days: number): string => new Date(Date.now() + days * DAY_MS).toISOString()
  return `mode: ${mode}
max_new_blocks: { percent: 100 }
contact: "Help desk: +1 555 0100"
mandates:
  - id: friday
    finding: "${APP}"
    platforms: [ios, android]
    warn_from: ${at(warnFrom)}
    deadline: ${at(deadline)}
    message: "${ORDER}"
tests:
  - { device: { platform: ios, findings: ["${APP}"] }, at: ${at(deadline + 1)}, expect: block }
  - { device: { platform: windows, findings: ["${APP}"] }, at: ${at(deadline + 1)}, expect: allow }
`
}

const ANNOUNCED = mandate(1, 5)
const WARNING = mandate(-1, 4)
const OVERDUE = mandate(-5, -1)
const MONITORED = mandate(-5, -1, 'monitor')

const PEOPLE = ['anna', 'ben', 'carol'].map((name) => `${name}@example.com`)
const USERS = Object.fromEntries(PEOPLE.map((user) => [user, PASSWORD]))

/** The mail server of the three, each with one message. */
async function startDovecot(): Promise<Dovecot> {
  const dovecot = await Dovecot.start({ users: USERS })
  for (const user of PEOPLE)
    dovecot.deliver(user, 'From: ben@example.com\r\nSubject: hello\r\n\r\nLunch?\r\n')
  return dovecot
}

/** Brings tags and devices into a new site, and starts it. */
async function startEnrolled(site: HarakaSite): Promise<void> {
  await site.run('tag', 'rotate')
  site.writeFile('fleet.ndjson', `${FLEET.join('\n')}\n`)
  await site.run('device', 'import', site.file('fleet.ndjson'))
  await site.start()
}

for (const nodes of [0, 2]) {
  describe(`the Friday mandate, with nodes=${nodes}`, () => {
    let dovecot: Dovecot
    let site: HarakaSite

    before(async () => {
      dovecot = await startDovecot()
      site = await HarakaSite.create({ nodes, policy: ANNOUNCED, upstreamPort: dovecot.port, users: USERS })
      await startEnrolled(site)
    })
    after(async () => {
      await site.remove()
      await dovecot.remove()
    })

    const login = async (owner: string, platform: string): Promise<{ user: string; pass: string }> => ({
      user: await site.tag(`${owner}@example.com`, `${owner}-${platform}`),
      pass: PASSWORD,
    })
    const sync = async (owner: string, platform: string): ReturnType<typeof syncMail> =>
      syncMail(imapClient(site.imapPort, await login(owner, platform)))
    const submit = async (owner: string, platform: string): Promise<string> =>
      submitMail(site.smtpPort, await login(owner, platform))

    const publish = async (policy: string): Promise<void> => {
      const soFar = site.haraka.output.match(/"policy in force"/g)?.length ?? 0
      site.writeFile('device_gate_policy.yaml', policy)
      await site.haraka.until(/"policy in force"/, soFar + 1)
    }

    const untouched = async (owner: string, platform: string): Promise<void> => {
      assert.deepEqual(await sync(owner, platform), { subject: 'hello', refusal: null, alerts: [] })
      assert.match(await submit(owner, platform), /^250 /)
    }
    /** Gives the decision id that the person reads out. */
    const blocked = async (owner: string, platform: string): Promise<string> => {
      const { refusal, alerts, subject } = await sync(owner, platform)
      assert.equal(subject, null)
      assert.equal(refusal?.code, 'CONTACTADMIN')
      const [, text = '', id = ''] = /^(.*) \(([0-9A-Z]{8})\)$/.exec(refusal.text) ?? []
      assert.equal(text, `${ORDER}. Help desk: +1 555 0100`)
      assert.deepEqual(alerts, [refusal.text])
      assert.equal(await submit(owner, platform), `550 5.7.1 ${refusal.text}`)
      return id
    }
    const phonesRead = async (): Promise<void> => {
      await untouched('anna', 'ios')
      await untouched('ben', 'android')
    }
    const phonesAreBlocked = async (): Promise<void> => {
      await blocked('anna', 'ios')
      await blocked('ben', 'android')
    }

    it('says nothing before warn_from', async () => {
      await phonesRead()
      assert.deepEqual(site.blockLog(), [])
    })

    it('lets the phones read and warns them, until when, from warn_from on', async () => {
      await publish(WARNING)
      const by = /deadline: (\S+)T(\d\d:\d\d)/.exec(WARNING)
      const warning = `${ORDER} (by ${by?.[1]} ${by?.[2]} UTC). Help desk: +1 555 0100`
      for (const [owner, platform] of [
        ['anna', 'ios'],
        ['ben', 'android'],
      ] as const) {
        await eventually(async () => {
          const { subject, refusal, alerts } = await sync(owner, platform)
          assert.deepEqual({ subject, refusal }, { subject: 'hello', refusal: null })
          assert.equal(alerts[0]?.replace(/ \([0-9A-Z]{8}\)$/, ''), warning)
        })
        assert.match(await submit(owner, platform), /^250 /)
      }
      await untouched('anna', 'windows')
      await untouched('carol', 'ios')
      await eventually(() => {
        const logged = site.blockLog().map(({ device: id, outcome }) => `${String(id)} ${String(outcome)}`)
        assert.deepEqual(new Set(logged), new Set(['anna-ios warn', 'ben-android warn']))
      })
    })

    it('blocks the phones that carry the app after the deadline, and nothing else', async () => {
      await publish(OVERDUE)
      await eventually(phonesAreBlocked)
      await untouched('anna', 'windows')
      await untouched('carol', 'ios')
    })

    it('tells who is blocked, why, and what was logged', async () => {
      const id = await blocked('anna', 'ios')
      const who = await site.run('blocked', '--json')
      assert.deepEqual(
        who.split('\n').map((line) => (JSON.parse(line) as { device: string }).device),
        ['anna-ios', 'ben-android'],
      )
      const why = await site.run('why', id)
      assert.match(why, /decision: +block\n.*because: +mandate_deadline: friday\n/)
      assert.match(why, new RegExp(`findings: +${APP.replace(/\./g, '\\.')}`))
      assert.match(await site.run('why', 'anna-windows'), /decision: +allow/)

      const facts = await eventually(() => {
        const lines = site.blockLog().filter((line) => line['decision'] === id)
        assert.deepEqual(new Set(lines.map((line) => line['protocol'])), new Set(['imap', 'smtp']))
        return lines[0]
      })
      const { user, device: logged, platform, proof, outcome, enforced, reason, rule, remote } = facts ?? {}
      assert.deepEqual(
        { user, logged, platform, proof, outcome, enforced, reason, rule, remote },
        {
          user: 'anna@example.com',
          logged: 'anna-ios',
          platform: 'ios',
          proof: 'tag',
          outcome: 'block',
          enforced: true,
          reason: 'mandate_deadline',
          rule: 'friday',
          remote: '127.0.0.1',
        },
      )
      const blocks = await site.run('blocks', '--device', 'anna-ios', '--json')
      assert.ok(blocks.includes(id))
      assert.ok(!(await site.run('blocks')).includes('windows'))
    })

    it('is taken back by mode off, and put in force again by mode policy', async () => {
      await site.run('mode', 'off', '--reason', 'sent in error')
      await eventually(phonesRead)
      await site.run('mode', 'policy', '--reason', 'on again after all')
      await eventually(phonesAreBlocked)
    })

    it('blocks nobody in mode monitor, and logs who would have been', async () => {
      const before = site.blockLog().length
      await site.run('mode', 'monitor', '--reason', 'let us look first')
      await eventually(phonesRead)
      await eventually(() => {
        const would = site
          .blockLog()
          .slice(before)
          .filter((line) => line['enforced'] === false)
        assert.ok(would.some(({ device: id, outcome }) => id === 'anna-ios' && outcome === 'block'))
      })
      await site.run('mode', 'policy', '--reason', 'we looked')
      await eventually(phonesAreBlocked)
    })

    it('is taken back by an edit of the policy file', async () => {
      await publish(ANNOUNCED)
      await eventually(phonesRead)
      await publish(OVERDUE)
      await eventually(phonesAreBlocked)
    })

    it('is taken back for one person by an exemption', async () => {
      await site.run('exempt', 'add', '--user', 'anna@example.com', '--for', '4h', '--reason', 'on call')
      await eventually(() => untouched('anna', 'ios'))
      await blocked('ben', 'android')
      await site.run('exempt', 'remove', '--user', 'anna@example.com')
      await eventually(() => blocked('anna', 'ios'))
    })

    it('blocks a laptop too when it is locked', async () => {
      await site.run('lock', 'add', '--device', 'anna-windows', '--reason', 'stolen')
      await eventually(async () =>
        assert.equal((await sync('anna', 'windows')).refusal?.code, 'CONTACTADMIN'),
      )
      await site.run('lock', 'remove', '--device', 'anna-windows')
      await eventually(() => untouched('anna', 'windows'))
    })
  })
}

type Login = { readonly user: string; readonly pass: string }

/** A mail client that syncs and sends all the time, and what its person sees, without what only repeats. */
class BusyClient {
  readonly imap: string[] = []
  readonly smtp: string[] = []
  #stopped = false
  #running: Promise<void> = Promise.resolve()

  constructor(
    private readonly site: HarakaSite,
    private readonly login: Login,
  ) {}

  start(): void {
    this.#running = this.#run()
    // Awaited when it is stopped: it must not end the process before.
    this.#running.catch(() => undefined)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const { subject, refusal, alerts } = await syncMail(imapClient(this.site.imapPort, this.login))
      const told = refusal ? `refused [${refusal.code}] ${refusal.text}` : `reads ${String(subject)}`
      see(this.imap, [told, ...(refusal ? [] : alerts.map((alert) => `told ${alert}`))].join(', '))
      see(this.smtp, await submitMail(this.site.smtpPort, this.login))
    }
  }
}

/** A refusal's decision id, and Haraka's own id of a message, are new each time. */
const see = (transcript: string[], line: string): void => {
  const seen = line.replace(/ \([0-9A-Z]{8}\)/g, '').replace(/^250 .*/, '250')
  if (transcript.at(-1) !== seen) transcript.push(seen)
}

describe('the Friday mandate, while all clients sync all the time', () => {
  const DEVICES = [
    ['anna', 'ios'],
    ['ben', 'android'],
    ['anna', 'windows'],
    ['carol', 'ios'],
  ] as const
  const PHONES_WITH_IT = ['anna-ios', 'ben-android']
  let dovecot: Dovecot
  let site: HarakaSite
  let clients: Map<string, BusyClient>

  before(async () => {
    dovecot = await startDovecot()
    site = await HarakaSite.create({ nodes: 2, policy: MONITORED, upstreamPort: dovecot.port, users: USERS })
    await startEnrolled(site)
    clients = new Map()
    for (const [owner, platform] of DEVICES) {
      const user = await site.tag(`${owner}@example.com`, `${owner}-${platform}`)
      clients.set(`${owner}-${platform}`, new BusyClient(site, { user, pass: PASSWORD }))
    }
    for (const client of clients.values()) client.start()
  })
  after(async () => {
    await Promise.allSettled([...clients.values()].map((client) => client.stop()))
    await site.remove()
    await dovecot.remove()
  })

  const publish = (policy: string): void => site.writeFile('device_gate_policy.yaml', policy)
  /** Until every client has been shown by both protocols what it is to be shown last. */
  const untilAllSee = (phones: RegExp, sent: RegExp): Promise<void> =>
    eventually(() => {
      for (const [name, { imap, smtp }] of clients) {
        const hit = PHONES_WITH_IT.includes(name)
        assert.match(imap.at(-1) ?? '', hit ? phones : /^reads hello$/, name)
        assert.match(smtp.at(-1) ?? '', hit ? sent : /^250$/, name)
      }
    })
  const UNTOUCHED = 'reads hello'
  const REFUSED = `${ORDER}. Help desk: +1 555 0100`

  it('is tried in mode monitor: nobody is shown anything, and it is noted who would have been refused', async () => {
    await eventually(() => {
      const noted = site
        .blockLog()
        .map(({ device: id, outcome, enforced }) => [id, outcome, enforced].join(' '))
      assert.deepEqual(new Set(noted), new Set(PHONES_WITH_IT.map((id) => `${id} block false`)))
    })
    await untilAllSee(/^reads hello$/, /^250$/)
  })
  it('is announced, warns, and at its deadline refuses the phones that carry the app', async () => {
    publish(ANNOUNCED)
    await site.haraka.until(/"policy in force"/, 2)
    publish(WARNING)
    await untilAllSee(/^reads hello, told Remove TikTok/, /^250$/)
    publish(OVERDUE)
    await untilAllSee(/^refused \[CONTACTADMIN]/, /^550 /)
  })
  it('is recalled: everybody is back, and the command names each of them at the next sync', async () => {
    const orders = JSON.parse(await site.run('policy', 'history', '--json')) as {
      kind: string
      version: number
    }[]
    assert.deepEqual(
      orders.flatMap(({ kind, version }) => (kind === 'policy' ? version : [])),
      [4, 3, 2, 1],
    )
    const recall = site.startCli('recall', '--to', '2', '--reason', 'sent in error', '--follow', '--json')
    await recall.until(/"device":"anna-ios","policy":5,"now":"served"/)
    await recall.until(/"device":"ben-android","policy":5,"now":"served"/)
    await recall.stop('SIGINT')
    const [proof = '', ...synced] = recall.stdout.trimEnd().split('\n')
    const { affected, blocked, hosts } = JSON.parse(proof) as {
      affected: { device: string; now: string; warnings: number; blocks: number }[]
      blocked: { devices: number; people: number }
      hosts: { workers: { pid: number }[] }[]
    }
    assert.deepEqual([blocked.devices, blocked.people], [2, 2])
    assert.deepEqual(
      new Set(affected.map(({ device: id, now }) => `${id} ${now}`)),
      new Set(PHONES_WITH_IT.map((id) => `${id} served`)),
    )
    for (const { warnings, blocks } of affected) assert.ok(warnings > 0 && blocks > 0)
    assert.deepEqual(
      new Set(hosts.flatMap(({ workers }) => workers.map(({ pid }) => pid))),
      new Set(site.workers),
    )
    const named = synced.map((line) => (JSON.parse(line) as { device: string }).device)
    assert.deepEqual(named.sort(), PHONES_WITH_IT)
    await untilAllSee(/^reads hello$/, /^250$/)
  })
  it('was shown to each client in this order, and to laptops and other phones never', async () => {
    await Promise.all([...clients.values()].map((client) => client.stop()))
    const by = /deadline: (\S+)T(\d\d:\d\d)/.exec(WARNING)
    const warned = `${ORDER} (by ${by?.[1]} ${by?.[2]} UTC). Help desk: +1 555 0100`
    for (const [name, { imap, smtp }] of clients) {
      const hit = PHONES_WITH_IT.includes(name)
      assert.deepEqual(
        imap,
        hit
          ? [UNTOUCHED, `reads hello, told ${warned}`, `refused [CONTACTADMIN] ${REFUSED}`, UNTOUCHED]
          : [UNTOUCHED],
        name,
      )
      assert.deepEqual(smtp, hit ? ['250', `550 5.7.1 ${REFUSED}`, '250'] : ['250'], name)
    }
  })
})
