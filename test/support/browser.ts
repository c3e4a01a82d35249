import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { chromium, type Browser, type Page } from 'playwright-core'

const CHROMIUM = '/usr/bin/chromium'
/** Below mocha's own, so that what was waited for is named. */
const PATIENCE_MS = 15_000
/** Kept by CI, looked at by people. */
const SCREENSHOTS = path.resolve(__dirname, '..', '..', 'build', 'screenshots')
const AXE = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')

export interface View {
  readonly scheme?: 'light' | 'dark'
  /** CSS pixels. */
  readonly width?: number
}

/** Debian's Chromium, without a window. Each page is a browser of its own: it shares no cookie with another. */
export class TestBrowser {
  /** What went wrong in the pages unasked: exceptions, and what the content security policy forbade. */
  readonly faults: string[] = []

  private constructor(private readonly browser: Browser) {}

  static async start(): Promise<TestBrowser> {
    const flags = [
      // Debian's Chromium has no port 10080 for http; the tests' ports are drawn by lot.
      '--explicitly-allowed-ports=10080',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ]
    return new TestBrowser(await chromium.launch({ executablePath: CHROMIUM, args: flags }))
  }

  async page({ scheme = 'light', width = 1400 }: View = {}): Promise<Page> {
    const context = await this.browser.newContext({
      colorScheme: scheme,
      viewport: { width, height: width < 600 ? 740 : 900 },
      locale: 'en-GB',
      timezoneId: 'Europe/Berlin',
      acceptDownloads: true,
    })
    const page = await context.newPage()
    page.setDefaultTimeout(PATIENCE_MS)
    page.on('pageerror', (error) => this.faults.push(error.stack ?? error.message))
    page.on('console', (message) => {
      // An answer that is no 2xx is what many tests are about.
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
        this.faults.push(message.text())
    })
    return page
  }

  async stop(): Promise<void> {
    await this.browser.close()
    assert.deepEqual(this.faults, [])
  }
}

export async function screenshot(page: Page, name: string): Promise<void> {
  fs.mkdirSync(SCREENSHOTS, { recursive: true })
  await page.screenshot({ path: path.join(SCREENSHOTS, `${name}.png`) })
}

interface AxeFault {
  readonly impact: string | null
  readonly id: string
  readonly nodes: readonly { readonly html: string }[]
}

/** What axe-core calls serious or critical on this page. Evaluated by the debugger, as the page's own policy forbids. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  await page.evaluate(`if (!window.axe) { ${AXE} }`)
  const faults = await page.evaluate<AxeFault[]>('axe.run().then(({ violations }) => violations)')
  return faults
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ impact, id, nodes }) => `${impact ?? ''} ${id}: ${nodes.map(({ html }) => html).join(' | ')}`)
}

/** How many pixels the page is wider than its window. */
export const overflow = (page: Page): Promise<number> =>
  page.evaluate<number>('document.documentElement.scrollWidth - window.innerWidth')

const MAX_TABS = 80

/** Goes on by the tab key until what has the focus says `words`. */
export async function tabTo(page: Page, words: string): Promise<void> {
  for (let tabs = 0; tabs < MAX_TABS; tabs += 1) {
    await page.keyboard.press('Tab')
    if ((await focused(page)) === words) return
  }
  assert.fail(`the tab key does not lead to "${words}"`)
}

/** The words of what has the focus: its text, or for a field its label. */
export const focused = (page: Page): Promise<string> =>
  page.evaluate<string>(
    `(({ activeElement: one }) => (one?.ariaLabel ?? one?.labels?.[0]?.textContent ?? one?.textContent ?? '').trim())(document)`,
  )
