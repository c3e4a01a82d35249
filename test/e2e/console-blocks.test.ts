import assert from 'node:assert/strict'
import fs from 'node:fs'
import type { Page } from 'playwright-core'

import { screenshot } from '../support/browser'
import { ConsoleSite, decisionIn } from '../support/console-site'
import { deviceLine } from '../support/device-line'
import { eventually } from '../support/eventually'

const POLICY = 'mode: enforce\nmax_new_blocks: { percent: 100 }\nnoncompliant: block\ngrace: warn\n'
const DEVICES = [
  deviceLine({ id: 'anna-phone', state: 'noncompliant' }),
  deviceLine({ id: 'ben-pixel', owners: ['ben@example.com'], platform: 'android', state: 'noncompliant' }),
  deviceLine({ id: 'carol-phone', owners: ['carol@example.com'], state: 'grace' }),
]

describe("the console's blocks", () => {
  let site: ConsoleSite
  let decision: string
  before(async () => {
    site = await ConsoleSite.start({ policy: POLICY, devices: DEVICES })
    decision = decisionIn(await site.sync('anna@example.com', 'anna-phone'))
    await site.sync('ben@example.com', 'ben-pixel')
    await site.sync('carol@example.com', 'carol-phone')
  })
  after(() => site.stop())

  const devices = async (page: Page): Promise<string[]> =>
    (await page.locator('tbody td[data-name=Device] a').allInnerTexts()).sort()
  const shows = (page: Page, names: readonly string[]): Promise<void> =>
    eventually(async () => {
      assert.deepEqual(await devices(page), names)
      assert.equal(await page.locator('[aria-busy=true]').count(), 0)
    })

  it('lists what was blocked and warned, newest first, with a time that says its age and UTC', async () => {
    const page = await site.open('/blocks', 'viewer')
    await shows(page, ['anna-phone', 'ben-pixel', 'carol-phone'])
    assert.match(await page.locator('tbody tr').first().innerText(), /warned[^]*carol/)
    const time = page.locator('tbody time').first()
    assert.match(await time.innerText(), /^\d\d:\d\d:\d\d (now|\d+ (s|min) ago)$/)
    const utc = (await time.getAttribute('datetime')) ?? ''
    assert.equal(await time.getAttribute('title'), `${utc.slice(0, 19).replace('T', ' ')} UTC`)
  })

  it('keeps each filter in the URL, goes back by the browser, and shows the same to whoever gets the link', async () => {
    const page = await site.open('/blocks', 'viewer')
    await shows(page, ['anna-phone', 'ben-pixel', 'carol-phone'])
    await page.getByLabel('Platform').selectOption('android')
    await shows(page, ['ben-pixel'])
    assert.equal(new URL(page.url()).search, '?platform=android')
    await page.goBack()
    await shows(page, ['anna-phone', 'ben-pixel', 'carol-phone'])
    await page.getByLabel('Outcome').selectOption('block')
    await shows(page, ['anna-phone', 'ben-pixel'])
    await page.getByLabel('Person').fill('anna@example.com')
    await page.getByLabel('Person').press('Enter')
    await shows(page, ['anna-phone'])
    assert.equal(new URL(page.url()).search, '?user=anna%40example.com&outcome=block')

    const other = await site.open(`${new URL(page.url()).pathname}${new URL(page.url()).search}`, 'viewer')
    await shows(other, ['anna-phone'])
    assert.equal(await other.getByLabel('Person').inputValue(), 'anna@example.com')
    assert.equal(await other.getByLabel('Outcome').inputValue(), 'block')
    await other.getByRole('link', { name: 'Clear' }).click()
    await shows(other, ['anna-phone', 'ben-pixel', 'carol-phone'])
    assert.equal(await other.getByLabel('Person').inputValue(), '')
  })

  it('takes a time in the zone of the reader and keeps it in UTC', async () => {
    const page = await site.open('/blocks', 'viewer')
    await page.getByLabel('Until').fill('2026-01-01T12:00')
    await page.getByRole('button', { name: 'Apply' }).click()
    await page.getByText('Nothing on record fits these filters').waitFor()
    assert.equal(new URL(page.url()).searchParams.get('until'), '2026-01-01T11:00:00.000Z')
    await page.getByRole('link', { name: 'Show all' }).click()
    await shows(page, ['anna-phone', 'ben-pixel', 'carol-phone'])
  })

  it('says in place what is wrong with a filter that was typed into the URL', async () => {
    const page = await site.open('/blocks?since=yesterday&until=now', 'viewer')
    assert.match(
      await page.getByRole('alert').filter({ hasText: 'since' }).innerText(),
      /zone|RFC 3339|time/i,
    )
  })

  it('does not ask again for what is wrong, and says of no list that it is live', async () => {
    const page = await site.open('/hosts', 'viewer')
    let streams = 0
    page.on('request', (request) => {
      if (request.url().includes('/blocks/live')) streams += 1
    })
    await page.clock.install()
    await page.goto(`${site.url}/blocks?platform=phone`)
    await page.getByRole('alert').filter({ hasText: 'platform' }).waitFor()
    assert.equal(await page.getByRole('button', { name: 'Pause' }).count(), 0)
    await page.clock.runFor(30_000)
    assert.equal(streams, 1)
  })

  it('is searched from where the search led, without a touch of the mouse', async () => {
    const page = await site.open('/blocks', 'viewer')
    await page.keyboard.press('/')
    await page.keyboard.type(decision.toLowerCase())
    await page.keyboard.press('Enter')
    await page.getByText(`Decision ${decision}`).waitFor()
    await page.keyboard.press('/')
    await page.keyboard.type('carol-phone')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Device carol-phone' }).waitFor()
  })

  it('goes from page to page by cursors in the URL', async () => {
    const page = await site.open('/blocks', 'viewer')
    await page.route('**/api/v1/blocks?*', (route) =>
      route.continue({ url: route.request().url().replace('limit=100', 'limit=2') }),
    )
    await page.reload()
    await shows(page, ['ben-pixel', 'carol-phone'])
    await page.getByRole('link', { name: 'Next page' }).click()
    await shows(page, ['anna-phone'])
    assert.ok(new URL(page.url()).searchParams.has('cursor'))
    assert.equal(await page.getByText('Live:').count(), 0)
    await page.reload()
    await shows(page, ['anna-phone'])
    await page.getByRole('link', { name: 'First page' }).click()
    await shows(page, ['ben-pixel', 'carol-phone'])
  })

  it('holds what comes while it is paused, and shows it when it goes on', async () => {
    const page = await site.open('/blocks?user=dora%40example.com', 'viewer')
    await page.getByText('Live:').waitFor()
    await page.getByRole('button', { name: 'Pause' }).click()
    await site.gate.run(
      'device',
      'put',
      deviceLine({ id: 'dora-phone', owners: ['dora@example.com'], state: 'noncompliant' }),
    )
    await site.sync('dora@example.com', 'dora-phone')
    await page.getByText('Paused, 1 new').waitFor()
    assert.equal(await page.locator('tbody tr').count(), 0)
    await page.getByRole('button', { name: 'Go on' }).click()
    await shows(page, ['dora-phone'])
  })

  it('folds the repeats of a case', async () => {
    const page = await site.open('/blocks?user=dora%40example.com&fold=true', 'viewer')
    await shows(page, ['dora-phone'])
    await page.getByText('Live:').waitFor()
    assert.match(await site.submit('dora@example.com', 'dora-phone'), /^550 /)
    await page.locator('tbody td[data-name=From]').filter({ hasText: 'SMTP' }).waitFor()
    await shows(page, ['dora-phone'])
    assert.equal(await page.locator('tbody td[data-name=Tries]').innerText(), '2')
    await page.reload()
    await shows(page, ['dora-phone'])
    assert.equal(await page.locator('tbody td[data-name=Tries]').innerText(), '2')
    await page.getByLabel('Fold repeats').click()
    await shows(page, ['dora-phone', 'dora-phone'])
    await screenshot(page, 'blocks-unfolded')
  })

  for (const format of ['CSV', 'NDJSON'])
    it(`exports what the filters leave as ${format}`, async () => {
      const page = await site.open('/blocks?outcome=block&user=ben%40example.com', 'viewer')
      const coming = page.waitForEvent('download')
      await page.getByRole('link', { name: format, exact: true }).click()
      const text = fs.readFileSync(await (await coming).path(), 'utf8')
      const lines = text.trimEnd().split('\n')
      assert.equal(lines.length, format === 'CSV' ? 2 : 1)
      assert.match(lines.at(-1) ?? '', /ben-pixel/)
      assert.doesNotMatch(text, /anna|carol/)
    })

  it('says of a decision that nobody knows that it is not known, whether searched or linked', async () => {
    const page = await site.open('/', 'viewer')
    await page.getByRole('searchbox').fill('ZZZZZZZZ')
    await page.getByRole('searchbox').press('Enter')
    await page.getByText('No decision, user or device is known as “ZZZZZZZZ”').waitFor()
    await page.goto(`${site.url}/blocks?decision=ZZZZZZZZ`)
    await page.getByRole('alert').filter({ hasText: 'ZZZZZZZZ' }).waitFor()
    await page.getByText('Nothing on record fits these filters').waitFor()
  })

  it('shows what a client sends as its name as text, whatever it is', async () => {
    const name = '<img src=x onerror=alert(1)>@example.com'
    await site.gate.run('device', 'put', deviceLine({ id: '<b>bold</b>', owners: [name] }))
    const page = await site.open('/devices?prefix=%3Cb', 'viewer')
    await page.getByRole('link', { name: '<b>bold</b>' }).click()
    await page.getByRole('heading', { name: 'Device <b>bold</b>' }).waitFor()
    await page.getByRole('link', { name }).first().click()
    await page.getByRole('heading', { name, exact: true }).waitFor()
    assert.equal(await page.locator('main img').count(), 0)
  })
})
