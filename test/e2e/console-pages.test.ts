import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'

import { accessibilityFaults, overflow, screenshot } from '../support/browser'
import { ConsoleSite, decisionIn } from '../support/console-site'
import { deviceLine } from '../support/device-line'
import { eventually } from '../support/eventually'

/** As long as may be. */
const LONG_ID = '6f1d8c0e41d24c5b9a6d1f0e5a7b2c3d'.repeat(8)
const LONG_USER = `${'a'.repeat(256)}@${'b'.repeat(59)}.com`
/** Right to left, and with a mark that would show `exe` as the end of the name. */
const ODD_USERS = ['שרה.כהן@דוגמה.co.il', 'محمد@example.com', 'dora+gpj.exe@example.com']
const POLICY = `mode: enforce
max_new_blocks: { percent: 100 }
noncompliant: block
grace: warn
contact: "Help desk: +1 555 0100"
mandates:
  - id: friday
    finding: "app:com.zhiliaoapp.musically"
    platforms: [ios, android]
    warn_from: 2026-01-01T00:00:00Z
    deadline: 2026-01-02T00:00:00Z
    message: "Remove TikTok from this phone to go on using company email"
`
const DEVICES = [
  deviceLine({ id: 'anna-phone', findings: ['app:com.zhiliaoapp.musically'] }),
  deviceLine({ id: 'anna-laptop', platform: 'macos' }),
  deviceLine({ id: LONG_ID, owners: ['ben@example.com'], platform: 'android', state: 'grace' }),
  deviceLine({
    id: 'far-away',
    state: 'noncompliant',
    owners: [LONG_USER],
    findings: [`app:${'c'.repeat(240)}`],
    source: 's'.repeat(60),
  }),
  deviceLine({
    id: 'shared-tablet',
    owners: ODD_USERS,
    findings: ['app:a', 'app:b', 'app:c', 'app:d', 'app:e'],
  }),
  deviceLine({ id: 'carol-phone', owners: ['carol@example.com'], state: 'noncompliant' }),
]

const VIEWS = [
  { scheme: 'light', width: 1400 },
  { scheme: 'dark', width: 1400 },
  { scheme: 'light', width: 360 },
  { scheme: 'dark', width: 360 },
] as const

/** Each page with what shows that it is there, in a site with data. */
const pages = (decision: string): readonly (readonly [name: string, path: string, ready: string])[] => [
  ['overview', '/', '.figures'],
  ['blocks', '/blocks', 'tbody tr'],
  ['blocks-folded', '/blocks?fold=true', 'tbody tr'],
  ['decision', `/blocks?decision=${decision}`, '.steps:visible'],
  ['devices', '/devices', 'tbody tr'],
  ['device', '/devices/anna-phone', '.steps:visible'],
  ['device-unknown', '/devices/nobody-knows-it', 'main [role=alert]'],
  ['person', '/people/anna%40example.com', '.steps:visible'],
  ['person-long-name', '/people/ben%40example.com', '.steps:visible'],
  ['person-longest-name', `/people/${encodeURIComponent(LONG_USER)}`, '.steps:visible'],
  ['policy', '/policy', '.words'],
  ['policy-draft', '/policy?view=draft', 'textarea'],
  ['policy-history', '/policy?view=history&version=1', 'tbody tr'],
  ['hosts', '/hosts', 'tbody tr'],
  ['audit', '/audit', 'tbody tr'],
  ['not-found', '/policy/of/truth', '.empty'],
]

/** What a site shows that has nothing yet. */
const EMPTY_PAGES = [
  ['overview', '/', 'No device was reported yet'],
  ['blocks', '/blocks', 'Nobody was blocked or warned yet'],
  ['devices', '/devices', 'device-gate device import FILE'],
  ['person', '/people/zoe%40example.com', 'No device of this person was ever reported'],
] as const

async function isWell(page: Page): Promise<void> {
  assert.deepEqual(await accessibilityFaults(page), [])
  assert.equal(await overflow(page), 0, 'it is wider than its window')
}

describe("the console's pages", () => {
  let site: ConsoleSite
  let decision: string
  before(async () => {
    site = await ConsoleSite.start({ policy: POLICY, devices: DEVICES })
    decision = decisionIn(await site.sync('anna@example.com', 'anna-phone'))
    await site.sync('ben@example.com', LONG_ID)
    await site.sync('carol@example.com', 'carol-phone')
    await site.gate.run('exempt', 'add', '--user', 'carol@example.com', '--for', '4h', '--reason', 'on call')
    await eventually(() => assert.ok(site.gate.blockLog().length >= 3))
  })
  after(() => site.stop())

  for (const { scheme, width } of VIEWS)
    it(`have no serious fault for axe and fit their window, ${scheme}, ${width} pixels wide`, async () => {
      const page = await site.visit('/login', { scheme, width })
      await page.getByLabel('Access token').waitFor()
      await isWell(page)
      await screenshot(page, `login-${scheme}-${width}`)
      await page.context().close()
      const signedIn = await site.open('/', 'approver', { scheme, width })
      for (const [name, path, ready] of pages(decision)) {
        await signedIn.goto(`${site.url}${path}`)
        await signedIn.locator(ready).first().waitFor()
        await isWell(signedIn).catch((error: unknown) => {
          throw new Error(name, { cause: error })
        })
        await screenshot(signedIn, `${name}-${scheme}-${width}`)
      }
      await signedIn.goto(`${site.url}/devices/anna-phone`)
      await signedIn.getByRole('button', { name: 'Lock…' }).click()
      await signedIn.getByRole('dialog').waitFor()
      await isWell(signedIn)
      await screenshot(signedIn, `dialog-${scheme}-${width}`)
    })

  it('fit their window also between a phone and a wide screen', async () => {
    const page = await site.open('/', 'viewer')
    for (const width of [768, 1101, 1280]) {
      await page.setViewportSize({ width, height: 900 })
      for (const [name, path, ready] of pages(decision)) {
        await page.goto(`${site.url}${path}`)
        await page.locator(ready).first().waitFor()
        assert.equal(await overflow(page), 0, `${name} at ${width}`)
      }
    }
  })

  it('have a title each, and one heading of the first level', async () => {
    const page = await site.open('/', 'viewer')
    const titles = new Set<string>()
    for (const [name, path, ready] of pages(decision)) {
      await page.goto(`${site.url}${path}`)
      await page.locator(ready).first().waitFor()
      assert.equal(await page.getByRole('heading', { level: 1 }).count(), 1, name)
      titles.add(await page.title())
    }
    for (const title of ['Overview', 'Blocks', 'anna-phone', 'anna@example.com', 'Policy', 'Hosts', 'Audit'])
      assert.ok(titles.has(`${title} · Device Gate`), title)
  })

  it('tell the owners and findings of a device apart, and how many more there are than a row shows', async () => {
    const page = await site.open('/devices?prefix=shared', 'viewer')
    await page.getByRole('link', { name: 'shared-tablet' }).waitFor()
    const lines = (column: string): Promise<string[]> =>
      page.locator(`td[data-name=${column}] li`).allInnerTexts()
    assert.deepEqual((await lines('Owner')).sort(), [...ODD_USERS].sort())
    assert.deepEqual(await lines('Findings'), ['app:a', 'app:b', 'app:c', 'and 2 more'])
  })

  it('say where to look for a device that nobody knows, and offer no second try that would end the same', async () => {
    const page = await site.open('/devices/nobody-knows-it', 'viewer')
    await page.getByRole('alert').filter({ hasText: 'nobody-knows-it' }).waitFor()
    await page.getByText('Look for it by its beginning').waitFor()
    assert.equal(await page.getByRole('button', { name: 'Try again' }).count(), 0)
  })

  it('give times of orders in the zone of the reader', async () => {
    const page = await site.open('/audit', 'viewer')
    const change = page.locator('td[data-name=Change]').filter({ hasText: 'carol@example.com' })
    await change.locator('time').waitFor()
    assert.match(await change.innerText(), /until (\d+ \w+ )?\d\d:\d\d(:\d\d)? in 4 h/)
    assert.doesNotMatch(await change.innerText(), /\dZ/)
  })

  it('do not show that they are empty while they are loading', async () => {
    const page = await site.open('/hosts', 'viewer')
    let answer: () => void = () => undefined
    const held = new Promise<void>((resolve) => {
      answer = resolve
    })
    await page.route('**/api/v1/devices?*', async (route) => {
      await held
      await route.continue()
    })
    await page.getByRole('link', { name: 'Devices' }).click()
    await page.getByRole('status', { name: 'Loading' }).waitFor()
    assert.equal(await page.locator('.empty').count(), 0)
    answer()
    await page.getByRole('link', { name: 'carol-phone' }).waitFor()
  })

  it('are less than 100 kB in all when the first one is loaded', async () => {
    const page = await site.visit('/healthz')
    let bytes = 0
    page.on('response', (response) => {
      void response
        .request()
        .sizes()
        .then(
          ({ responseBodySize }) => {
            if (!response.url().includes('/api/')) bytes += responseBodySize
          },
          () => undefined,
        )
    })
    await page.goto(`${site.url}/login`)
    await page.getByLabel('Access token').fill(await site.token('viewer', 'viewer'))
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.locator('.plot canvas').waitFor()
    await eventually(() => assert.ok(bytes > 40_000, `${bytes}`))
    assert.ok(bytes < 100_000, `${bytes} bytes`)
  })
})

describe("the console's pages of a site that has nothing yet", () => {
  let site: ConsoleSite
  before(async () => {
    site = await ConsoleSite.start({ policy: 'mode: monitor\n' })
  })
  after(() => site.stop())

  for (const [name, path, words] of EMPTY_PAGES)
    it(`say what to do: ${name}`, async () => {
      const page = await site.open(path, 'operator')
      await page.getByText(words).first().waitFor()
      await isWell(page)
      await screenshot(page, `empty-${name}`)
    })

  it('offer no recall of the first policy', async () => {
    const page = await site.open('/policy', 'operator')
    await page.getByRole('button', { name: 'Change the mode…' }).waitFor()
    assert.equal(await page.getByRole('button', { name: 'Recall…' }).count(), 0)
  })
})
