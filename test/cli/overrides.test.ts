import assert from 'node:assert/strict'

import { ANNA, cliSites, record } from './site'

interface OverrideAnswer {
  readonly kind: string
  readonly on: string
  readonly id: string
  readonly author: string
  readonly reason: string
  readonly created_at: string
  readonly expires_at: string | null
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

describe('device-gate exempt and lock', () => {
  const site = cliSites()
  beforeEach(async () => {
    await site().out('device', 'put', record())
  })

  it('add a lock until it is removed, with who and why', async () => {
    const { author, created_at, ...rest } = (await site().json(
      'lock',
      'add',
      '--device',
      'anna-phone',
      '--reason',
      'lost',
    )) as OverrideAnswer
    assert.deepEqual(rest, { kind: 'lock', on: 'device', id: 'anna-phone', reason: 'lost', expires_at: null })
    assert.match(author, /./)
    assert.match(created_at, TIME)
  })
  it('add an exemption for a time', async () => {
    const { created_at, expires_at } = (await site().json(
      'exempt',
      'add',
      '--user',
      ANNA,
      '--for',
      '4h',
      '--reason',
      'board meeting',
    )) as OverrideAnswer
    assert.equal(Date.parse(expires_at ?? '') - Date.parse(created_at), 4 * 3_600_000)
  })
  it('add one until a moment, in the zone that was meant', async () => {
    const { expires_at } = (await site().json(
      'exempt',
      'add',
      '--user',
      ANNA,
      '--until',
      '2099-07-10T23:59:00-07:00',
      '--reason',
      'x',
    )) as OverrideAnswer
    assert.equal(expires_at, '2099-07-11T06:59:00.000Z')
    assert.equal(
      await site().out('lock', 'add', '--user', ANNA, '--until', '2099-07-10T23:59-07:00', '--reason', 'x'),
      'lock on user anna@example.com until 2099-07-11T06:59:00Z\n',
    )
  })
  it('a moment that is over: refused', async () => {
    const { code, err } = await site().run(
      'exempt',
      'add',
      '--user',
      ANNA,
      '--until',
      '2020-01-01T00:00:00Z',
      '--reason',
      'x',
    )
    assert.deepEqual({ code, err }, { code: 1, err: 'device-gate: that time is already over\n' })
  })
  it('know a user however the name is written', async () => {
    const { id } = (await site().json(
      'lock',
      'add',
      '--user',
      ' Anna@Example.COM ',
      '--reason',
      'x',
    )) as OverrideAnswer
    assert.equal(id, ANNA)
    assert.equal((await site().run('lock', 'remove', '--user', 'ANNA@example.com')).code, 0)
  })
  it('take what nobody reported yet, with a note: it may be a typing error', async () => {
    for (const [option, id, named] of [
      ['--device', 'anna-phon', 'device anna-phon'],
      ['--user', 'ann@example.com', 'user ann@example.com'],
    ] as const) {
      const { code, err } = await site().run('lock', 'add', option, id, '--reason', 'x')
      assert.equal(
        err,
        `note: ${named} was never reported: if it is no typing error, the lock waits for it\n`,
      )
      assert.equal(code, 0)
    }
    assert.equal((await site().run('lock', 'add', '--device', 'anna-phone', '--reason', 'x')).err, '')
    assert.equal((await site().run('lock', 'add', '--user', ANNA, '--reason', 'x')).err, '')
  })
  it('list each for itself, expired ones too', async () => {
    await site().out('exempt', 'add', '--user', ANNA, '--for', '4h', '--reason', 'board')
    await site().out('lock', 'add', '--device', 'anna-phone', '--reason', 'lost')
    await site().store((store) =>
      store.putOverride({
        kind: 'exemption',
        subject: { kind: 'device', id: 'anna-phone' },
        author: 'olga',
        reason: 'loan',
        createdAt: Date.parse('2026-11-01T00:00:00Z'),
        expiresAt: Date.parse('2026-11-02T00:00:00Z'),
      }),
    )
    const exemptions = (await site().json('exempt', 'list')) as OverrideAnswer[]
    assert.deepEqual(
      exemptions.map(({ kind, on, id, reason }) => ({ kind, on, id, reason })),
      [
        { kind: 'exemption', on: 'device', id: 'anna-phone', reason: 'loan' },
        { kind: 'exemption', on: 'user', id: ANNA, reason: 'board' },
      ],
    )
    const [headings, ...rows] = (await site().out('exempt', 'list')).split('\n')
    assert.match(headings ?? '', /^on +id +until +by +set +reason$/)
    assert.match(rows[0] ?? '', /^device +anna-phone +expired +olga +\d+d ago +loan$/)
    assert.match(
      rows[1] ?? '',
      /^user +anna@example\.com +\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ +\S+ +\ds ago +board$/,
    )
    assert.match(await site().out('lock', 'list'), /^device +anna-phone +removed +\S+ +\ds ago +lost$/m)
    assert.equal(((await site().json('lock', 'list')) as unknown[]).length, 1)
  })
  it('list none', async () => {
    assert.equal(await site().out('exempt', 'list'), 'no exemptions\n')
    assert.equal(await site().out('lock', 'list'), 'no locks\n')
    assert.deepEqual(await site().json('lock', 'list'), [])
  })
  it('a second one on the same takes the place of the first', async () => {
    await site().out('lock', 'add', '--device', 'anna-phone', '--reason', 'lost')
    await site().out('lock', 'add', '--device', 'anna-phone', '--reason', 'stolen', '--for', '1h')
    const locks = (await site().json('lock', 'list')) as OverrideAnswer[]
    assert.deepEqual(
      locks.map(({ reason }) => reason),
      ['stolen'],
    )
  })
  it('remove one; a second time there is none to remove', async () => {
    await site().out('lock', 'add', '--device', 'anna-phone', '--reason', 'lost')
    await site().out('exempt', 'add', '--device', 'anna-phone', '--for', '1h', '--reason', 'x')
    assert.deepEqual(await site().json('lock', 'remove', '--device', 'anna-phone'), {
      removed: { kind: 'lock', on: 'device', id: 'anna-phone' },
    })
    assert.equal(((await site().json('exempt', 'list')) as unknown[]).length, 1, 'the exemption stands')
    const { code, err } = await site().run('lock', 'remove', '--device', 'anna-phone')
    assert.deepEqual({ code, err }, { code: 1, err: 'device-gate: there is no lock on device anna-phone\n' })
  })
})
