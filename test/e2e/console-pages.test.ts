import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'

import { accessibilityFaults, overflow, screenshot } from '../support/browser'
import { ConsoleSite, decisionIn } from '../support/console-site'
import { deviceLine } from '../support/device-line'
import { eventually } from '../support/eventually'

const LONG_ID = '6f1d8c0e41d24c5b9a6d1f0e5a7b2c3d'.repeat(2)
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
})
