import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import fs from 'node:fs'

import { cliSites } from './site'

const FILE = 'config/device_gate_admin.token'

describe('device-gate token', () => {
  const site = cliSites()
  const list = async (): Promise<unknown[]> => (await site().json('token', 'list')) as unknown[]

  it('issue prints the token once, and keeps no more than its hash', async () => {
    const secret = (await site().out('token', 'issue', 'olga', '--role', 'operator')).trim()
    assert.match(secret, /^dgt_[\w-]{43}$/)
    const kept = fs.readFileSync(site().file(FILE), 'utf8')
    assert.ok(!kept.includes(secret))
    const hash = createHash('sha256').update(secret).digest('hex')
    assert.match(kept, new RegExp(`^olga operator ${hash} \\d{4}-[\\d:.T-]+Z never$`, 'm'))
    assert.equal(fs.statSync(site().file(FILE)).mode & 0o777, 0o600)
    const [token] = (await list()) as Record<string, unknown>[]
    const { name, role, expires_at, valid } = token ?? {}
    assert.deepEqual(
      { name, role, expires_at, valid },
      { name: 'olga', role: 'operator', expires_at: null, valid: true },
    )
  })

  it('issue --expires gives it an end', async () => {
    await site().out('token', 'issue', 'prometheus', '--role', 'viewer', '--expires', '90d')
    const [token] = (await list()) as { created_at: string; expires_at: string }[]
    assert.equal(Date.parse(token?.expires_at ?? '') - Date.parse(token?.created_at ?? ''), 90 * 86_400_000)
  })

  const REFUSED: readonly (readonly [what: string, argv: readonly string[], code: number, err: RegExp])[] = [
    ['a name that is no word', ['issue', 'olga x', '--role', 'viewer'], 2, /a name is 1 to 58 letters/],
    [
      'a name with a line end',
      ['issue', 'o\nroot approver', '--role', 'viewer'],
      2,
      /a name is 1 to 58 letters/,
    ],
    ['a role that there is not', ['issue', 'ben', '--role', 'root'], 2, /viewer, operator, approver/],
    ['no role', ['issue', 'ben'], 2, /--role/],
    ['a name twice', ['issue', 'olga', '--role', 'viewer'], 1, /there is a token of this name/],
    ['to revoke what there is not', ['revoke', 'ben'], 1, /there is no token ben/],
  ]
  for (const [what, argv, code, err] of REFUSED)
    it(`refuses ${what}`, async () => {
      await site().out('token', 'issue', 'olga', '--role', 'viewer')
      const before = fs.readFileSync(site().file(FILE), 'utf8')
      const answer = await site().run('token', ...argv)
      assert.equal(answer.code, code)
      assert.match(answer.err, err)
      assert.equal(fs.readFileSync(site().file(FILE), 'utf8'), before)
    })

  it('revoke takes one away and leaves the others', async () => {
    await site().out('token', 'issue', 'olga', '--role', 'viewer')
    await site().out('token', 'issue', 'ben', '--role', 'approver')
    assert.equal(await site().out('token', 'revoke', 'olga'), 'token olga is void\n')
    assert.deepEqual(
      ((await list()) as { name: string }[]).map(({ name }) => name),
      ['ben'],
    )
  })

  it('never writes back a damaged file, and trusts none that all may read', async () => {
    await site().out('token', 'issue', 'olga', '--role', 'viewer')
    fs.appendFileSync(site().file(FILE), 'ben root\n')
    const damaged = await site().run('token', 'issue', 'carol', '--role', 'viewer')
    assert.match(damaged.err, /device_gate_admin\.token:4 is no token as device-gate token issue writes it/)
    assert.match(fs.readFileSync(site().file(FILE), 'utf8'), /ben root/)
    fs.chmodSync(site().file(FILE), 0o644)
    assert.match((await site().run('token', 'list')).err, /open to every user of this host \(mode 644\)/)
  })
})
