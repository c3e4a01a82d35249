import assert from 'node:assert/strict'

import { parsePolicy } from '../../src/config/policy-file'
import { OrderDesk } from '../../src/orders/order-desk'
import { cliSites, record } from './site'

const ALLOWS = 'mode: enforce\nnoncompliant: allow\nstale: { after: 9000d }\n'
const BLOCKS = ALLOWS.replace('allow', 'block')
/** More than 5 % of so many devices. */
const DEVICES = 4

describe('orders on the command line', () => {
  const site = cliSites()

  beforeEach(async () => {
    await site().applyPolicy(ALLOWS)
    for (let i = 0; i < DEVICES; i += 1) await site().out('device', 'put', record({ id: `phone-${i}` }))
  })

  /** What Haraka does when the policy file is edited. */
  const edit = async (text: string): Promise<void> => {
    site().write('config/device_gate_policy.yaml', text)
    const parsed = parsePolicy(text, { file: 'policy' })
    assert.ok(parsed.ok)
    const by = { author: 'policy file', reason: 'the file was edited', at: Date.now() }
    await site().store((store) => new OrderDesk(store, Date.now).takeFile({ ...parsed, text }, by))
  }
  const refused = async (told: RegExp, ...argv: string[]): Promise<void> => {
    const { code, out, err } = await site().run(...argv)
    assert.match(err, told)
    assert.deepEqual({ code, out }, { code: 1, out: '' })
  }
  const as = async <T>(user: string, work: () => Promise<T>): Promise<T> => {
    const former = process.env['SUDO_USER']
    process.env['SUDO_USER'] = user
    try {
      return await work()
    } finally {
      if (former === undefined) delete process.env['SUDO_USER']
      else process.env['SUDO_USER'] = former
    }
  }
  const kinds = async (): Promise<unknown[]> =>
    ((await site().json('policy', 'history')) as { kind: string }[]).map(({ kind }) => kind)

  it('a mode that newly blocks too many is refused with the figure, and passes with it', async () => {
    await site().out('mode', 'off', '--reason', 'first')
    await site().applyPolicy(BLOCKS)
    await refused(
      /newly block 4 of 4 devices, max_new_blocks allows 1; nothing was changed.*--confirm 4\n$/,
      ...['mode', 'policy', '--reason', 'now'],
    )
    await refused(/3 is not the figure: .* 4 of 4/, 'mode', 'policy', '--reason', 'now', '--confirm', '3')
    await site().out('mode', 'policy', '--reason', 'now', '--confirm', '4')
    assert.deepEqual(await kinds(), ['mode', 'policy', 'mode', 'policy'])
  })

  it('a figure that is no number is a mistake of the command line', async () => {
    const { code, err } = await site().run('mode', 'enforce', '--reason', 'now', '--confirm', 'all')
    assert.deepEqual(
      { code, err },
      { code: 2, err: 'device-gate: --confirm "all" is no number of devices\n' },
    )
  })

  it('a lock on a person with many devices is refused with the figure, and passes with it', async () => {
    const lock = ['lock', 'add', '--user', 'anna@example.com', '--reason', 'stolen']
    await refused(/newly block 4 of 4/, ...lock)
    await site().out(...lock, '--confirm', '4')
    await site().out('lock', 'remove', '--user', 'anna@example.com', '--reason', 'found')
  })

  describe('an edit of the policy file that was held back', () => {
    beforeEach(() => edit(BLOCKS))

    it('is shown by status, with the command that puts it in force', async () => {
      const { pending, policy_version: version } = (await site().json('status')) as {
        pending: Record<string, unknown>
        policy_version: number
      }
      const { since, ...rest } = pending
      assert.match(String(since), /^\d{4}-.*Z$/)
      assert.deepEqual(rest, {
        cause: 'guard',
        newly_blocked: 4,
        devices: 4,
        bound: 1,
        confirm: 'device-gate policy confirm 4 --reason TEXT',
      })
      assert.equal(version, 1)
      assert.match(
        await site().out('status'),
        /HELD BACK: .*newly block 4 of 4 devices, the bound is 1: device-gate policy confirm 4 /,
      )
    })
    it('is put in force by its figure alone', async () => {
      await refused(
        /5 is not the figure: .* 4 of 4 .* policy confirm 4\n$/,
        ...['policy', 'confirm', '5', '--reason', 'meant'],
      )
      await site().out('policy', 'confirm', '4', '--reason', 'meant')
      assert.equal(await site().out('policy', 'show'), BLOCKS)
      assert.deepEqual(await kinds(), ['confirm', 'pending', 'policy'])
      await refused(/nothing is held back/, 'policy', 'confirm', '4', '--reason', 'again')
    })
  })

  it('a mandate whose deadline would block too many is shown by status, and blocks once that is confirmed', async () => {
    const coming = `${ALLOWS}mandates:\n  - { id: m, finding: "app:x", platforms: [ios], deadline: 2200-01-01T00:00:00Z, message: Remove it }\n`
    await edit(coming)
    const { held } = (await site().json('status')) as { held: { mandate: string; newly_blocked: number }[] }
    assert.deepEqual(
      held.map(({ mandate, newly_blocked: figure }) => [mandate, figure]),
      [['m', 4]],
    )
    assert.match(
      await site().out('status'),
      /HELD BACK: +mandate m warns at most whom it would newly block from 2200-01-01.*confirm 4 --mandate m/,
    )
    const confirm = ['policy', 'confirm', '4', '--reason', 'as announced', '--mandate']
    await refused(/mandate x is not held back/, ...confirm, 'x')
    await site().out(...confirm, 'm')
    assert.deepEqual(((await site().json('status')) as { held: unknown[] }).held, [])
    assert.deepEqual(await kinds(), ['confirm', 'policy', 'policy'])
  })

  it('audit verify says that the history is whole', async () => {
    assert.match(
      await site().out('audit', 'verify'),
      /^the history is whole: 1 entries, .* hash [0-9a-f]{40}\n$/,
    )
  })

  it('a policy that asks for a second person passes when somebody else approves it, not its author', async () => {
    const second = `${ALLOWS}max_new_blocks: { approval: second }\n`
    await site().applyPolicy(second)
    const banned = second.replace('allow', 'block')
    await edit(banned)
    await refused(/asks for a second person/, 'policy', 'confirm', '4', '--reason', 'now')
    const { id } = (await as('olga', () => site().json('policy', 'propose', '--reason', 'agreed'))) as {
      id: string
    }
    assert.match(
      await site().out('status'),
      new RegExp(`PROPOSED: +${id}, a policy \\(olga, .*: agreed\\): .* 4 of 4`),
    )
    const approval = ['policy', 'approve', id, '--reason', 'seen']
    await as('olga', () => refused(/is by olga: somebody else has to approve it/, ...approval))
    await as('pavel', () => site().out(...approval))
    assert.equal(await site().out('policy', 'show'), banned)
    await refused(/there is no proposal/, ...approval)
  })

  it('a held mandate may block when somebody else approves it, where the policy asks for a second person', async () => {
    await edit(`${ALLOWS}max_new_blocks: { approval: second }
mandates:
  - { id: m, finding: "app:x", platforms: [ios], deadline: 2200-01-01T00:00:00Z, message: Remove it }
`)
    await refused(
      /asks for a second person: device-gate policy propose --mandate MANDATE/,
      ...['policy', 'confirm', '4', '--mandate', 'm', '--reason', 'now'],
    )
    const propose = ['policy', 'propose', '--mandate', 'm', '--reason', 'agreed']
    const { code, err } = await site().run(...propose, 'draft.yaml')
    assert.deepEqual([code, /a file or a mandate, not both/.test(err)], [2, true])
    const { id } = (await as('olga', () => site().json(...propose))) as { id: string }
    assert.match(
      await site().out('status'),
      new RegExp(`PROPOSED: +${id}, that mandate m may block \\(olga, .*: agreed\\): .* 4 of 4`),
    )
    const { proposals } = (await site().json('status')) as { proposals: { mandate: string }[] }
    assert.deepEqual(
      proposals.map(({ mandate }) => mandate),
      ['m'],
    )
    const approval = ['policy', 'approve', id, '--reason', 'seen']
    await as('olga', () => refused(/is by olga: somebody else has to approve it/, ...approval))
    await as('pavel', () => site().out(...approval))
    assert.deepEqual(((await site().json('status')) as { held: unknown[] }).held, [])
    assert.deepEqual(await kinds(), ['approve', 'propose', 'policy', 'policy'])
  })
})
