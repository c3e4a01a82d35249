import type { Page } from 'playwright-core'

import { TestBrowser, type View } from './browser'
import { Dovecot } from './dovecot'
import { HarakaSite } from './haraka-site'
import { imapClient, submitMail, syncMail, type Sync } from './mail-client'
import { freePorts, untilListening } from './ports'

const PASSWORD = 'secret'
const PEOPLE = ['anna', 'ben', 'carol', 'dora'].map((name) => `${name}@example.com`)

export type Role = 'viewer' | 'operator' | 'approver'

export interface ConsoleSiteOptions {
  readonly policy: string
  /** One JSON record a line. */
  readonly devices?: readonly string[]
  readonly nodes?: number
  readonly hostConfig?: string
}

/** A running gate with a real IMAP server behind it, phones that sync through it, and browsers on its console. */
export class ConsoleSite {
  readonly #tokens = new Map<string, string>()

  readonly #ends: (() => Promise<void>)[] = []
  gate!: HarakaSite
  browser!: TestBrowser
  url!: string

  static async start(options: ConsoleSiteOptions): Promise<ConsoleSite> {
    const site = new ConsoleSite()
    try {
      await site.#start(options)
    } catch (error) {
      await site.stop()
      throw error
    }
    return site
  }

  async #start({ policy, devices = [], nodes = 0, hostConfig }: ConsoleSiteOptions): Promise<void> {
    const users = Object.fromEntries(PEOPLE.map((user) => [user, PASSWORD]))
    const dovecot = await Dovecot.start({ users })
    this.#ends.push(() => dovecot.remove())
    for (const user of PEOPLE)
      dovecot.deliver(user, 'From: ben@example.com\r\nSubject: hello\r\n\r\nLunch?\r\n')
    const [port = 0] = await freePorts(1)
    this.url = `http://127.0.0.1:${port}`
    this.gate = await HarakaSite.create({
      policy,
      nodes,
      users,
      upstreamPort: dovecot.port,
      admin: `{ listen: "127.0.0.1:${port}" }`,
      ...(hostConfig !== undefined && { hostConfig }),
    })
    this.#ends.push(() => this.gate.remove())
    await this.gate.run('tag', 'rotate')
    if (devices.length > 0) {
      this.gate.writeFile('fleet.ndjson', `${devices.join('\n')}\n`)
      await this.gate.run('device', 'import', this.gate.file('fleet.ndjson'))
    }
    await this.gate.start()
    await untilListening(port, () => this.gate.haraka.output)
    this.browser = await TestBrowser.start()
    this.#ends.push(() => this.browser.stop())
  }

  /** The token of `name`, made when it is first asked for. */
  async token(name: string, role: Role): Promise<string> {
    const token = this.#tokens.get(name) ?? (await this.gate.run('token', 'issue', name, '--role', role))
    this.#tokens.set(name, token)
    return token
  }

  /** A browser at `path`, where nobody is signed in. */
  async visit(path: string, view?: View): Promise<Page> {
    const page = await this.browser.page(view)
    await page.goto(`${this.url}${path}`)
    return page
  }

  /** A browser at `path`, with somebody of this role, called like it unless said. */
  async open(
    path: string,
    role: Role,
    { name = role, ...view }: View & { name?: string } = {},
  ): Promise<Page> {
    const page = await this.visit(path, view)
    await signIn(page, await this.token(name, role))
    return page
  }

  /** A phone's sync, as the person sees it. */
  async sync(user: string, device: string): Promise<Sync> {
    return syncMail(
      imapClient(this.gate.imapPort, { user: await this.gate.tag(user, device), pass: PASSWORD }),
    )
  }

  /** Sends a message from a phone; gives the server's last reply. */
  async submit(user: string, device: string): Promise<string> {
    return submitMail(this.gate.smtpPort, { user: await this.gate.tag(user, device), pass: PASSWORD })
  }

  async stop(): Promise<void> {
    let fault: unknown
    for (const end of this.#ends.splice(0).reverse())
      await end().catch((error: unknown) => {
        fault ??= error
      })
    if (fault instanceof Error) throw fault
  }
}

export async function signIn(page: Page, token: string): Promise<void> {
  await page.getByLabel('Access token').fill(token)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('navigation', { name: 'Pages of the console' }).waitFor()
}

/** The decision id at the end of a refusal. */
export const decisionIn = ({ refusal }: Sync): string =>
  /\(([0-9A-Z]{8})\)$/.exec(refusal?.text ?? '')?.[1] ?? ''
