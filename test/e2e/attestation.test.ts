import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'

import { accessibilityFaults, TestBrowser } from '../support/browser'
import { Dialogue } from '../support/dialogue'
import { Dovecot } from '../support/dovecot'
import { eventually } from '../support/eventually'
import { HarakaSite } from '../support/haraka-site'
import { freePorts } from '../support/ports'

const ANNA = 'anna@example.com'
const PASSWORD = 'secret'
const DAY_MS = 86_400_000

const POLICY = `mode: enforce
unknown: block
contact: "Help desk: +1 555 0100"
mandates:
  - id: banned
    finding: "app:com.example.banned"
    platforms: [ios, android]
    deadline: 2020-02-01T00:00:00Z
    message: "Remove the banned app"
`

describe('a phone that nobody manages', () => {
  let dovecot: Dovecot
  let site: HarakaSite
  let browser: TestBrowser

  before(async () => {
    const [adminPort = 0] = await freePorts(1)
    dovecot = await Dovecot.start({ users: { [ANNA]: PASSWORD } })
    site = await HarakaSite.create({
      nodes: 2,
      policy: POLICY,
      hostConfig: `attestation: { url: "http://127.0.0.1:${adminPort}", valid: 14d }`,
      admin: `{ listen: "127.0.0.1:${adminPort}" }`,
      upstreamPort: dovecot.port,
      preload: path.resolve(__dirname, '../support/clock-ahead.cjs'),
    })
    await site.run('tag', 'rotate')
    await site.start()
    browser = await TestBrowser.start()
  })
  after(async () => {
    await browser.stop()
    await site.remove()
    await dovecot.remove()
  })

  const open = async (): Promise<{ readonly dialogue: Dialogue; readonly answer: string }> => {
    const dialogue = await Dialogue.connect(site.imapPort)
    await dialogue.line()
    const answer = await dialogue.ask(`a LOGIN ${await site.tag(ANNA, 'own-phone')} ${PASSWORD}`, /^a /)
    return { dialogue, answer }
  }
  const login = async (): Promise<string> => {
    const { dialogue, answer } = await open()
    dialogue.close()
    return answer
  }
  const link = (): Promise<string> =>
    site.run(
      ...['attest', 'link', '--user', ANNA, '--device', 'own-phone', '--platform', 'ios'],
      ...['--mandate', 'banned', '--reason', 'her own phone'],
    )

  let address: string

  it('is refused, and its owner is given a link', async () => {
    assert.match(await login(), /^a NO \[CONTACTADMIN\] This device is not known to device management\./m)
    address = await link()
  })

  it('is let in when its owner has stated that the app is gone, and not by looking at the link', async () => {
    const page = await browser.page({ width: 390 })
    await page.goto(address)
    assert.match(
      await page.innerText('main'),
      /I have looked, and the app com\.example\.banned is not on this device/,
    )
    const isTooWide = await page.evaluate('document.documentElement.scrollWidth > window.innerWidth')
    assert.equal(isTooWide, false)
    assert.deepEqual(await accessibilityFaults(page), [])
    assert.match(await login(), /^a NO /m)

    await page.click('text=I state this')
    await page.waitForSelector('text=Thank you')
    await eventually(async () => assert.match(await login(), /^a OK /m))
    assert.deepEqual(browser.faults, [])
    assert.match(await site.run('why', ANNA), /because: +attested: banned\n/)
    assert.match(
      await site.run('attest', 'list'),
      /anna@example\.com +own-phone +banned +counts .* 127\.0\.0\.1 /,
    )
  })

  it('is refused again when the statement ends, and told so where its session is open', async () => {
    const { dialogue, answer } = await open()
    assert.match(answer, /^a OK /m)
    fs.writeFileSync(path.join(site.dir, 'clock-ahead'), String(14 * DAY_MS))
    assert.match(await dialogue.until(/^\* BYE/), /not known to device management/)
    dialogue.close()
    assert.match(await login(), /^a NO \[CONTACTADMIN\] This device is not known to device management\./m)
    assert.equal((await fetch(address)).status, 410)
  })

  it('leaves no link in a log', () => {
    const logs = [site.haraka.output, JSON.stringify(site.blockLog())].join('\n')
    assert.ok(!logs.includes(address.slice(-40)))
  })
})
