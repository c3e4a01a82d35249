import type { Page } from 'playwright-core'

import { TestBrowser, type View } from './browser'
import { Dovecot } from './dovecot'
import { HarakaSite, type HarakaSiteOptions } from './haraka-site'
import { imapClient, syncMail, type Sync } from './mail-client'
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

  private constructor(
    readonly gate: HarakaSite,
    private readonly dovecot: Dovecot,
    private readonly browser: TestBrowser,
    readonly url: string,
  ) {}

  static async start({
    policy,
    devices = [],
    nodes = 0,
    hostConfig,
  }: ConsoleSiteOptions): Promise<ConsoleSite> {
    const users = Object.fromEntries(PEOPLE.map((user) => [user, PASSWORD]))
    const dovecot = await Dovecot.start({ users })
    for (const user of PEOPLE)
      dovecot.deliver(user, 'From: ben@example.com\r\nSubject: hello\r\n\r\nLunch?\r\n')
    const [port = 0] = await freePorts(1)
    const options: HarakaSiteOptions = {
      policy,
      nodes,
      users,
      upstreamPort: dovecot.port,
      admin: `{ listen: "127.0.0.1:${port}" }`,
      ...(hostConfig !== undefined && { hostConfig }),
    }
    const gate = await HarakaSite.create(options)
    await gate.run('tag', 'rotate')
    if (devices.length > 0) {
      gate.writeFile('fleet.ndjson', `${devices.join('\n')}\n`)
      await gate.run('device', 'import', gate.file('fleet.ndjson'))
    }
    await gate.start()
    await untilListening(port, () => gate.haraka.output)
    const browser = await TestBrowser.start()
    return new ConsoleSite(gate, dovecot, browser, `http://127.0.0.1:${port}`)
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

  async stop(): Promise<void> {
    try {
      await this.browser.stop()
    } finally {
      await this.gate.remove()
      await this.dovecot.remove()
    }
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
