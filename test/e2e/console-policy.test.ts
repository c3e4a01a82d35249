import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'

import { screenshot } from '../support/browser'
import { ConsoleSite } from '../support/console-site'
import { deviceLine } from '../support/device-line'
import { eventually } from '../support/eventually'
import { RedisServer } from '../support/redis-server'

const APP = 'app:com.zhiliaoapp.musically'
const ALLOWS = 'mode: enforce\nnoncompliant: allow\nmax_new_blocks: { percent: 50, count: 1 }\n'
const BLOCKS = ALLOWS.replace('noncompliant: allow', 'noncompliant: block')
const SECOND = ALLOWS.replace('count: 1', 'count: 1, approval: second')
const SECOND_BLOCKS = BLOCKS.replace('count: 1', 'count: 1, approval: second')
const PEOPLE = ['anna', 'ben', 'carol', 'dora']
const DEVICES = PEOPLE.map((name) =>
  deviceLine({
    id: `${name}-phone`,
    owners: [`${name}@example.com`],
    state: 'noncompliant',
    findings: [APP],
  }),
)
const DAY_MS = 86_400_000
const mandate = (deadline: string): string => `mandates:
  - id: tiktok
    finding: "${APP}"
    platforms: [ios]
    warn_from: 2026-01-01T00:00:00Z
    deadline: ${deadline}
    message: "Remove TikTok"
`

describe("the console's policy", () => {
  let redis: RedisServer
  let site: ConsoleSite
  before(async () => {
    redis = await RedisServer.start()
    site = await ConsoleSite.start({
      policy: ALLOWS,
      devices: DEVICES,
      hostConfig: `store: { kind: redis, redis: { url: "${redis.url}" } }\npolicy: { source: fleet }`,
    })
    site.gate.writeFile('first.yaml', ALLOWS)
    await site.gate.run('policy', 'apply', site.gate.file('first.yaml'), '--reason', 'the first')
  })
  after(async () => {
    await site.stop()
    await redis.remove()
  })

  const write = async (page: Page, text: string): Promise<void> => page.getByLabel('Draft').fill(text)
  const isServed = (name: string): Promise<void> =>
    eventually(async () => {
      assert.equal((await site.sync(`${name}@example.com`, `${name}-phone`)).subject, 'hello')
    })
  const isBlocked = (name: string): Promise<void> =>
    eventually(async () => {
      const { refusal } = await site.sync(`${name}@example.com`, `${name}-phone`)
      assert.equal(refusal?.code, 'CONTACTADMIN')
    })

  it('tells a draft that is no policy by the line', async () => {
    const page = await site.open('/policy?view=draft', 'viewer')
    assert.equal(await page.getByLabel('Draft').inputValue(), ALLOWS)
    await write(page, 'mode: enforce\nnonsense: yes\n')
    await page.getByRole('button', { name: 'Check' }).click()
    await page.getByText('Line 2: ').waitFor()
    await write(page, BLOCKS)
    await page.getByRole('button', { name: 'Check' }).click()
    await page.getByText('The draft is valid').waitFor()
  })

  it('keeps a draft while the reader looks at another page', async () => {
    const page = await site.open('/policy?view=draft', 'viewer')
    await write(page, BLOCKS)
    await page.getByRole('link', { name: 'Hosts' }).click()
    await page.getByRole('heading', { name: 'Hosts' }).waitFor()
    await page.goBack()
    assert.equal(await page.getByLabel('Draft').inputValue(), BLOCKS)
  })

  it('draws who is hit by when', async () => {
    const deadline = new Date(Date.now() + 2 * DAY_MS).toISOString()
    const page = await site.open('/policy?view=draft', 'viewer')
    await write(page, ALLOWS + mandate(deadline))
    await page.getByRole('button', { name: 'What if?' }).click()
    await page.getByRole('img', { name: '4 of 4 devices are newly blocked' }).locator('canvas').waitFor()
    const rows = await page
      .getByRole('table', { name: 'Who is hit by when' })
      .locator('tbody tr')
      .allInnerTexts()
    assert.equal(rows.length, 2)
    assert.match(rows[0] ?? '', /^\S+ now\s+0\s+4/)
    assert.match(rows[1] ?? '', /in (1 d 23 h|2 d)\s+4\s/)
    await screenshot(page, 'policy-what-if')
  })

  it('shows the figure of an order that the guard refuses, and asks to type it', async () => {
    const page = await site.open('/policy?view=draft', 'operator')
    await write(page, BLOCKS)
    await page.getByRole('button', { name: 'Put in force…' }).click()
    const dialog = page.getByRole('dialog', { name: 'Put the draft in force' })
    await dialog.getByLabel('Reason').fill('the board wants it')
    await dialog.getByRole('button', { name: 'Put in force' }).click()
    await dialog.getByText('This would newly block 4 of 4 devices.').waitFor()
    await screenshot(page, 'policy-guard')
    const figure = dialog.getByLabel('How many devices may it newly block?')
    await figure.fill('3')
    assert.ok(await dialog.getByRole('button', { name: 'Put in force' }).isDisabled())
    await isServed('anna')
    await figure.fill('4')
    await dialog.getByRole('button', { name: 'Put in force' }).click()
    await page.getByText('The policy is in force.').waitFor()
    await isBlocked('anna')
  })

  it('recalls a policy behind a confirmation that says what it will do', async () => {
    const page = await site.open('/policy', 'operator')
    await page.getByText('Version 3, by token:operator').waitFor()
    await page.getByRole('button', { name: 'Recall…' }).click()
    const dialog = page.getByRole('dialog', { name: 'Recall policy version 3' })
    await dialog.getByText('is in force again, as version 4').waitFor()
    await dialog.getByLabel('Reason').fill('sent in error')
    const recall = dialog.getByRole('button', { name: 'Recall the policy' })
    assert.ok(await recall.isDisabled())
    await dialog.getByLabel('Type recall 3 to go on').fill('recall 3')
    await screenshot(page, 'policy-recall')
    await recall.click()
    await page.getByText('Version 3 is taken back; what version 2 said is in force again').waitFor()
    await page.getByText('Under it 1 device of 1 person were blocked').waitFor()
    await page.getByText('Version 4, by token:operator').waitFor()
    await isServed('anna')
  })

  it('tells of each version what it changed', async () => {
    const page = await site.open('/policy?view=history', 'viewer')
    await page.getByRole('link', { name: '3', exact: true }).click()
    await page.getByRole('heading', { name: 'What version 3 changed' }).waitFor()
    await page.getByText('What happens to noncompliant devices: blocked').waitFor()
    assert.equal(new URL(page.url()).search, '?view=history&version=3')
    assert.equal(await page.getByRole('button', { name: 'Go back' }).count(), 0)
  })

  it('changes the mode of all hosts, and says on every page which it is', async () => {
    const page = await site.open('/policy', 'operator')
    await page.getByRole('button', { name: 'Change the mode…' }).click()
    await page.getByLabel('monitor: decided and noted').click()
    await page.getByLabel('Reason').fill('let us look first')
    await page.getByRole('button', { name: 'Change the mode', exact: true }).click()
    await page.locator('.mode.monitor').waitFor()
    await page.getByRole('button', { name: 'Change the mode…' }).click()
    await page.getByLabel('as the policy says (enforce)').click()
    await page.getByLabel('Reason').fill('we looked')
    await page.getByRole('button', { name: 'Change the mode', exact: true }).click()
    await page.locator('.mode.enforce').waitFor()
  })

  it('lets a second person release a mandate that is held back', async () => {
    const deadline = new Date(Date.now() + 2 * DAY_MS).toISOString()
    site.gate.writeFile('mandate.yaml', ALLOWS + mandate(deadline))
    await site.gate.run('policy', 'apply', site.gate.file('mandate.yaml'), '--reason', 'announced')
    const operator = await site.open('/policy', 'operator')
    await operator.getByText('Mandate tiktok is held back and only warns').waitFor()
    await operator.getByText('An approver confirms it').waitFor()
    await operator.getByRole('button', { name: 'Propose…' }).click()
    await operator.getByLabel('Reason').fill('everybody was told')
    await operator.getByRole('button', { name: 'Propose', exact: true }).click()
    await operator.getByText('proposes that mandate tiktok may block').waitFor()

    const approver = await site.open('/policy', 'approver')
    await approver.getByRole('button', { name: 'Approve…' }).click()
    const dialog = approver.getByRole('dialog')
    await dialog.getByLabel('Reason').fill('so was I')
    await dialog.getByLabel('Type 4 to go on').fill('4')
    await dialog.getByRole('button', { name: 'Approve' }).click()
    await approver.getByText('Waiting for somebody').waitFor({ state: 'hidden' })
  })

  it('lets another person approve what one proposed, where the policy asks for a second', async () => {
    site.gate.writeFile('second.yaml', SECOND)
    await site.gate.run(
      'policy',
      'apply',
      site.gate.file('second.yaml'),
      '--reason',
      'two people from now on',
    )
    const proposer = await site.open('/policy?view=draft', 'approver', { name: 'ann' })
    await write(proposer, SECOND_BLOCKS)
    await proposer.getByRole('button', { name: 'Put in force…' }).click()
    const refused = proposer.getByRole('dialog')
    await refused.getByLabel('Reason').fill('agreed')
    await refused.getByRole('button', { name: 'Put in force' }).click()
    await refused.getByText('second person').waitFor()
    assert.equal(await refused.getByLabel('How many devices').count(), 0)
    await refused.getByRole('button', { name: 'Cancel' }).click()

    await proposer.getByRole('button', { name: 'Propose…' }).click()
    await proposer.getByLabel('Reason').fill('agreed with the works council')
    await proposer.getByRole('button', { name: 'Propose', exact: true }).click()
    await proposer.getByText('Proposed. Somebody else has to approve it.').waitFor()
    await proposer.getByText('Somebody else has to approve it', { exact: true }).waitFor()
    await isServed('anna')

    const operator = await site.open('/policy', 'operator')
    await operator.getByText('An approver approves it').waitFor()

    const other = await site.open('/', 'approver', { name: 'bob' })
    await other.getByText('token:ann proposed a policy: “agreed with the works council”').waitFor()
    await other.getByRole('link', { name: 'Somebody else looks at it, and approves it' }).click()
    await screenshot(other, 'policy-proposed')
    await other.getByRole('button', { name: 'Approve…' }).click()
    const dialog = other.getByRole('dialog')
    await dialog.getByLabel('Reason').fill('seen')
    await dialog.getByLabel('Type 4 to go on').fill('4')
    await dialog.getByRole('button', { name: 'Approve' }).click()
    await other.getByText('by token:bob').waitFor()
    await isBlocked('anna')
  })

  it('has each of these orders in the audit, which can be verified', async () => {
    const page = await site.open('/audit', 'viewer')
    const row = (words: string): Promise<void> =>
      page.getByRole('row').filter({ hasText: words }).first().waitFor()
    await row('seen')
    await row('agreed with the works council')
    await row('sent in error')
    await row('let us look first')
    await page.getByRole('button', { name: 'Verify the chain' }).click()
    await page.getByText(/^\d+ orders are what was written, none is missing/).waitFor()
    await screenshot(page, 'audit-verified')
  })

  it('lists the host of the fleet', async () => {
    const page = await site.open('/hosts', 'viewer')
    await page.getByRole('row').filter({ hasText: 'well' }).waitFor()
  })

  it('says that it tells of this host alone while Redis is away', async () => {
    const page = await site.open('/blocks', 'viewer')
    await page.getByText('Live:').waitFor()
    assert.equal(await page.getByText('these are the blocks of this host alone').count(), 0)
    await redis.kill()
    await page.getByText('these are the blocks of this host alone').waitFor()
    await page.getByRole('link', { name: 'Overview' }).click()
    await page.getByText('the others are not known').waitFor()
    await screenshot(page, 'overview-redis-away')
  })
})
