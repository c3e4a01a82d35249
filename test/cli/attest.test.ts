import assert from 'node:assert/strict'

import { AttestationDesk } from '../../src/orders/attestation-desk'
import type { Attestation } from '../../src/policy/attestation'
import { ANNA, cliSites, record } from './site'

const POLICY = `mode: enforce
unknown: block
max_new_blocks: { percent: 0, count: 0 }
mandates:
  - id: m
    finding: "app:x"
    platforms: [ios, android]
    deadline: 2026-07-10T23:59:00-07:00
    message: "Remove it"
`
const ON = 'attestation: { url: "https://gate.example.com/" }\n'

describe('device-gate attest', () => {
  const site = cliSites()
  const subject = ['--user', 'Anna@Example.com', '--device', 'own-phone'] as const
  const link = ['attest', 'link', ...subject, '--mandate', 'm', '--reason', 'her own phone'] as const

  beforeEach(async () => {
    site().write('config/device_gate.yaml', ON)
    await site().applyPolicy(POLICY)
    await site().out('tag', 'rotate')
  })

  const kept = (): Promise<readonly Attestation[]> => site().store((store) => store.attestationsOf(ANNA))
  const state = async (): Promise<void> => {
    const [one] = await kept()
    assert.ok(one)
    await site().store((store) => {
      const at = Date.now()
      const stated = { at, expiresAt: at + 3_600_000, remote: '192.0.2.7' }
      return new AttestationDesk(store, Date.now).state(one, stated)
    })
  }
  const reportUnseen = async (): Promise<unknown> =>
    site().out(
      'device',
      'put',
      record({
        id: 'own-phone',
        state: 'compliant',
        findings: ['unseen:app'],
        evidence_at: new Date().toISOString(),
      }),
    )

  it('prints the link, signed, and keeps with it who gave it, why and what it is about', async () => {
    const { out, err } = await site().run(...link, '--platform', 'ios', '--expires', '2d')
    assert.match(out, /^https:\/\/gate\.example\.com\/attest\/[\w-]+\.[A-Za-z0-9]{2}[\w-]{43}\n$/)
    assert.match(err, /give it to anna@example\.com alone, until .*; a statement counts for 14d/)
    const [one] = await kept()
    assert.deepEqual(
      [one?.deviceId, one?.platform, one?.mandate, one?.findings, one?.reason, one?.stated],
      ['own-phone', 'ios', 'm', ['app:x'], 'her own phone', null],
    )
    assert.equal((one?.linkExpiresAt ?? 0) - (one?.createdAt ?? 0), 2 * 86_400_000)
    assert.match(await site().out('audit', 'verify'), /2 entries/)
    assert.ok(!JSON.stringify(await kept()).includes(out.trim().slice(-43)), 'the signature is not kept')
  })

  const refused: readonly (readonly [what: string, args: readonly string[], code: number, told: RegExp])[] = [
    [
      'no such mandate',
      ['--platform', 'ios', '--mandate', 'other'],
      1,
      /no mandate other is in force; there are: m/,
    ],
    [
      'a device that nobody reported, without its platform',
      [],
      2,
      /own-phone was never reported: add --platform/,
    ],
    ['a platform that the mandate is not about', ['--platform', 'windows'], 1, /m is not about windows/],
    ['a link for half a year', ['--platform', 'ios', '--expires', '180d'], 2, /is more than 90d/],
    ['no reason', ['--platform', 'ios', '--reason', ''], 2, /say why/],
  ]
  for (const [what, args, code, told] of refused)
    it(`refuses ${what}`, async () => {
      const answer = await site().run(...link, ...args)
      assert.deepEqual([answer.code, answer.out], [code, ''])
      assert.match(answer.err, told)
      assert.deepEqual(await kept(), [])
    })

  it('is refused while statements are off', async () => {
    site().write('config/device_gate.yaml', 'attestation: { url: null }\n')
    const { code, err } = await site().run(...link, '--platform', 'ios')
    assert.deepEqual([code, /attestation\.url in device_gate\.yaml/.test(err)], [1, true])
  })

  it('tells where a statement would change nothing', async () => {
    await site().out('device', 'put', record({ id: 'own-phone', findings: [] }))
    assert.match((await site().run(...link)).err, /mdm sees own-phone, without it: no statement is needed/)
    await site().out(
      'device',
      'put',
      record({ id: 'own-phone', version: 8, findings: ['unseen:app', 'app:x'] }),
    )
    assert.match((await site().run(...link)).err, /is seen to have it: a statement changes nothing/)
  })

  it('has the statement in why, list and the history, and removes it by the figure it newly blocks', async () => {
    await reportUnseen()
    const why = async (): Promise<string> => site().out('why', 'own-phone')
    assert.match(await why(), /because: +mandate_unseen: m/)
    await site().out(...link)
    assert.match(await site().out('attest', 'list'), /anna@example\.com +own-phone +m +asked/)
    await state()
    assert.match(await why(), /because: +attested: m\n/)
    assert.match(await why(), /cannot be seen by its source .*, absent by the person's own word for 60 min/)
    assert.match(await site().out('attest', 'list'), / counts +\S+ +192\.0\.2\.7 .* her own phone/)

    const remove = ['attest', 'remove', ...subject, '--reason', 'seen on it'] as const
    const held = await site().run(...remove)
    assert.deepEqual([held.code, /newly block 1 of 1 devices/.test(held.err)], [1, true])
    await site().out(...remove, '--confirm', '1')
    assert.match(await why(), /because: +mandate_unseen: m/)
    assert.match(await site().out('attest', 'list'), / ended /)
    assert.match((await site().run(...remove)).err, /neither a link nor a statement/)
    assert.match(await site().out('audit', 'verify'), /4 entries/)
  })

  it('is part of what a draft would do: whom it lets in, the draft does not block', async () => {
    await reportUnseen()
    await site().applyPolicy('mode: enforce\nunknown: block\n')
    const draft = site().write('draft.yaml', POLICY)
    const blocked = async (): Promise<unknown> => {
      const { moments } = (await site().json('policy', 'what-if', draft)) as {
        moments: { newly_blocked: { count: number } }[]
      }
      return moments[0]?.newly_blocked.count
    }
    assert.equal(await blocked(), 1)
    await site().applyPolicy(POLICY)
    await site().out(...link)
    await state()
    await site().applyPolicy('mode: enforce\nunknown: block\n')
    assert.equal(await blocked(), 0)
  })
})
