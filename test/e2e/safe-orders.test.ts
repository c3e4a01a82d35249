import assert from 'node:assert/strict'

import { deviceLine } from '../support/device-line'
import { Dovecot } from '../support/dovecot'
import { eventually } from '../support/eventually'
import { HarakaSite } from '../support/haraka-site'
import { imapClient, syncMail } from '../support/mail-client'

const PASSWORD = 'secret'
const PEOPLE = ['anna', 'ben', 'carol']
const ALLOWS = 'mode: enforce\nnoncompliant: allow\n'
const BLOCKS = 'mode: enforce\nnoncompliant: block\n'

interface Status {
  readonly policy_version: number
  readonly pending: { readonly cause: string; readonly newly_blocked: number } | null
}

describe('safe orders on a running site', () => {
  let dovecot: Dovecot
  let site: HarakaSite

  before(async () => {
    const users = Object.fromEntries(PEOPLE.map((name) => [`${name}@example.com`, PASSWORD]))
    dovecot = await Dovecot.start({ users })
    for (const user of Object.keys(users))
      dovecot.deliver(user, 'From: ben@example.com\r\nSubject: hello\r\n\r\nLunch?\r\n')
    site = await HarakaSite.create({ nodes: 2, policy: ALLOWS, upstreamPort: dovecot.port, users })
    await site.run('tag', 'rotate')
    for (const name of PEOPLE)
      await site.run(
        ...['device', 'put'],
        deviceLine({ id: `${name}-phone`, owners: [`${name}@example.com`], state: 'noncompliant' }),
      )
    await site.start()
  })
  after(async () => {
    await site.remove()
    await dovecot.remove()
  })

  const sync = async (name: string): Promise<string | null> => {
    const user = await site.tag(`${name}@example.com`, `${name}-phone`)
    return (await syncMail(imapClient(site.imapPort, { user, pass: PASSWORD }))).subject
  }
  const allRead = async (): Promise<void> =>
    assert.deepEqual(await Promise.all(PEOPLE.map(sync)), ['hello', 'hello', 'hello'])
  const noneReads = async (): Promise<void> =>
    assert.deepEqual(await Promise.all(PEOPLE.map(sync)), [null, null, null])
  const status = async (): Promise<Status> => JSON.parse(await site.run('status', '--json')) as Status
  const untilHeldBack = (cause: string): Promise<void> =>
    eventually(async () => assert.equal((await status()).pending?.cause, cause))

  it('holds an edit of the policy file back that would block every phone; they go on reading', async () => {
    await allRead()
    site.writeFile('device_gate_policy.yaml', BLOCKS)
    await site.haraka.until(/policy file held back: it would newly block 3 of 3 devices, the bound is 1/)
    const { pending, policy_version: version } = await status()
    assert.deepEqual([pending?.newly_blocked, version], [3, 1])
    await allRead()
  })

  it('holds it back over a restart', async () => {
    await site.stop()
    await site.start()
    assert.equal((await status()).pending?.newly_blocked, 3)
    await allRead()
  })

  it('puts it in force in all workers once its figure is confirmed, and not with another', async () => {
    const { code, output } = await site.cli('policy', 'confirm', '2', '--reason', 'as announced')
    assert.match(output, /2 is not the figure: .* 3 of 3 /)
    assert.equal(code, 1)
    await allRead()
    assert.match(
      await site.run('policy', 'confirm', '3', '--reason', 'as announced'),
      /in force on .*: after \d+ ms/,
    )
    await noneReads()
  })

  it('takes it back in all workers, and proves who was hit', async () => {
    await eventually(async () => assert.match(await site.run('blocks'), /carol-phone/))
    const proof = JSON.parse(await site.run('recall', '--reason', 'sent in error', '--json')) as {
      hosts: { ms: number | null }[]
      blocked: { devices: number; people: number }
      affected: { user: string; now: string }[]
    }
    assert.equal(proof.hosts.length, 1)
    assert.equal(typeof proof.hosts[0]?.ms, 'number')
    assert.deepEqual([proof.blocked.devices, proof.blocked.people], [3, 3])
    assert.deepEqual(new Set(proof.affected.map(({ now }) => now)), new Set(['served']))
    await allRead()
  })

  it('does not let the file undo that, at a restart nor by the next edit', async () => {
    await site.stop()
    await site.start()
    await untilHeldBack('recall')
    await allRead()
    site.writeFile('device_gate_policy.yaml', `${BLOCKS}grace: block\n`)
    await eventually(async () => assert.match(await site.run('policy', 'history'), /[Gg]race.*edited/))
    assert.equal((await status()).pending?.cause, 'recall')
    await allRead()
  })

  it('takes the file again once somebody says so, and the guard goes on guarding', async () => {
    await site.run('policy', 'unpin', '--reason', 'mended')
    assert.equal((await status()).pending?.cause, 'guard')
    site.writeFile('device_gate_policy.yaml', `${ALLOWS}grace: allow\n`)
    await eventually(async () => assert.equal((await status()).pending, null))
    await allRead()
  })

  it('has all of it in one history that is whole', async () => {
    const history = JSON.parse(await site.run('policy', 'history', '--json')) as { kind: string }[]
    assert.deepEqual(history.map(({ kind }) => kind).reverse(), [
      'policy',
      'pending',
      'confirm',
      'recall',
      'pending',
      'pending',
      'unpin',
      'pending',
      'policy',
    ])
    assert.match(await site.run('audit', 'verify'), /^the history is whole: 9 entries/)
  })
})

describe('the deadline of a new site, in its first policy', () => {
  const DEVICES = 30
  let site: HarakaSite

  before(async () => {
    const days = (count: number): string => new Date(Date.now() + count * 86_400_000).toISOString()
    const mandate = `{ id: friday, finding: "app:x", platforms: [ios], deadline: ${days(2)}, message: Remove it }`
    // Nothing here speaks IMAP: its upstream may be any port.
    site = await HarakaSite.create({ policy: `mode: enforce\nmandates: [${mandate}]\n`, upstreamPort: 9 })
    const devices = Array.from({ length: DEVICES }, (_, i) =>
      deviceLine({ id: `d-${i}`, findings: ['app:x'] }),
    )
    site.writeFile('devices.ndjson', `${devices.join('\n')}\n`)
    await site.run('device', 'import', site.file('devices.ndjson'))
    await site.start()
  })
  after(() => site.remove())

  it('is looked at by the gate itself, which holds the mandate back, and says so in its log and in status', async () => {
    await site.haraka.until(
      /held back: mandate friday warns at most whom it would newly block from .* 30 of 30/,
    )
    const { held } = JSON.parse(await site.run('status', '--json')) as {
      held: { mandate: string; newly_blocked: number; confirm: string }[]
    }
    assert.deepEqual(
      held.map(({ mandate, newly_blocked: figure, confirm }) => [mandate, figure, confirm]),
      [['friday', DEVICES, 'device-gate policy confirm 30 --mandate friday --reason TEXT']],
    )
    assert.match(
      await site.run('policy', 'history'),
      /device gate .*hold .*Held back: friday\..*looked ahead/,
    )
  })

  it('is told again by the gate that starts anew, and passes with its figure', async () => {
    await site.stop()
    await site.start()
    await site.haraka.until(/held back: mandate friday/)
    await site.run('policy', 'confirm', '30', '--mandate', 'friday', '--reason', 'as announced')
    assert.deepEqual((JSON.parse(await site.run('status', '--json')) as { held: unknown[] }).held, [])
  })
})
