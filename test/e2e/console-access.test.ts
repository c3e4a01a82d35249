import assert from 'node:assert/strict'

import { focused } from '../support/browser'
import { ConsoleSite, signIn } from '../support/console-site'
import { deviceLine } from '../support/device-line'
import { eventually } from '../support/eventually'

const DEVICE = deviceLine({ id: 'anna-phone', state: 'noncompliant' })

describe('the console, and who may use it', () => {
  let site: ConsoleSite
  before(async () => {
    site = await ConsoleSite.start({ policy: 'mode: enforce\n', devices: [DEVICE] })
    // A second version: the first one has none before it to go back to.
    site.gate.editFile('device_gate_policy.yaml', (text) => `${text}contact: "Help desk"\n`)
    await eventually(async () => assert.match(await site.gate.run('status'), /policy version: +2/))
  })
  after(() => site.stop())

  it('asks for a token, refuses a wrong one in place, and then leads where the link led', async () => {
    const page = await site.visit('/blocks?user=anna%40example.com&fold=true')
    await page.getByLabel('Access token').fill('dgt_wrong')
    await page.getByRole('button', { name: 'Sign in' }).click()
    assert.match(await page.getByRole('alert').innerText(), /token/)
    assert.match(page.url(), /\/login\?next=/)

    await signIn(page, await site.token('viewer', 'viewer'))
    assert.equal(page.url(), `${site.url}/blocks?user=anna%40example.com&fold=true`)
    await page.getByRole('heading', { name: 'Blocks' }).waitFor()
  })

  for (const next of ['//example.org/', 'https://example.org/', '/\\example.org', 'javascript:alert(1)'])
    it(`is not led elsewhere by a link to the login page: next=${next}`, async () => {
      const page = await site.visit(`/login?next=${encodeURIComponent(next)}`)
      await signIn(page, await site.token('viewer', 'viewer'))
      assert.equal(page.url(), `${site.url}/`)
    })

  it('signs out, also for the tab beside, and the way back shows nothing', async () => {
    const page = await site.open('/devices', 'viewer')
    const beside = await page.context().newPage()
    await beside.goto(`${site.url}/devices/anna-phone`)
    await beside.getByRole('heading', { name: 'Device anna-phone' }).waitFor()
    await page.getByRole('link', { name: 'Hosts' }).click()
    await page.getByRole('heading', { name: 'Hosts' }).waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByLabel('Access token').waitFor()
    await page.goBack()
    await page.getByLabel('Access token').waitFor()
    await beside.getByLabel('Access token').waitFor()
    assert.equal(await beside.getByText('anna-phone').count(), 0)
  })

  it('ends when its token is revoked', async () => {
    const page = await site.open('/devices', 'viewer', { name: 'leaver' })
    await page.getByRole('link', { name: 'anna-phone' }).waitFor()
    await site.gate.run('token', 'revoke', 'leaver')
    await page.getByText('The session is over, or its token was revoked').waitFor()
    assert.equal(await focused(page), 'Access token')
  })

  const OFFERS = [
    { role: 'viewer', device: [], policy: [] },
    { role: 'operator', device: ['Exempt…', 'Lock…'], policy: ['Change the mode…', 'Recall…'] },
    { role: 'approver', device: ['Exempt…', 'Lock…'], policy: ['Change the mode…', 'Recall…'] },
  ] as const
  for (const { role, device, policy } of OFFERS)
    it(`offers a ${role} what a ${role} may do, and nothing else`, async () => {
      const page = await site.open('/devices/anna-phone', role)
      await page.getByText('Why: the ten steps').waitFor()
      assert.deepEqual(await page.locator('main button:not(.quiet)').allInnerTexts(), device)
      await page.getByRole('link', { name: 'Policy' }).click()
      await page.getByRole('heading', { name: 'In plain words' }).waitFor()
      assert.deepEqual(await page.locator('main button').allInnerTexts(), policy)
      await page.getByRole('link', { name: 'Draft and what-if' }).click()
      await page.getByLabel('Draft').waitFor()
      const buttons = await page.locator('main button').allInnerTexts()
      assert.deepEqual(buttons, ['Check', 'What if?', ...(role === 'viewer' ? [] : ['Propose…'])])
    })

  it('gives its pages with a policy that lets no foreign script, style or frame in', async () => {
    const { headers } = await fetch(`${site.url}/`)
    assert.match(
      headers.get('content-security-policy') ?? '',
      /default-src 'none'; script-src 'self'; style-src 'self'/,
    )
  })

  it('says so in place when the gate goes away, and goes on when it is back', async () => {
    const page = await site.open('/hosts', 'viewer')
    await page.getByText('This site is one host').waitFor()
    await page.route('**/api/v1/**', (route) => route.abort())
    await page.getByText('The gate does not answer').first().waitFor()
    await page.getByText('This site is one host').waitFor()
    assert.match(await page.locator('main').innerText(), /What is below is from \d\d:\d\d:\d\d/)
    await page.unroute('**/api/v1/**')
    await page.getByText('The gate does not answer').first().waitFor({ state: 'hidden' })
  })

  it('says of an order that was not answered that it may have been done', async () => {
    const page = await site.open('/devices/anna-phone', 'operator')
    await page.getByRole('button', { name: 'Lock…' }).click()
    await page.getByLabel('Reason').fill('lost')
    await page.route('**/api/v1/overrides', (route) => route.abort())
    await page.getByRole('dialog').getByRole('button', { name: 'Lock' }).click()
    await page.getByRole('dialog').getByText('Whether this was done is not known').waitFor()
  })
})
