import fs from 'node:fs'
import { createRequire } from 'node:module'
import vm from 'node:vm'

import { OK, type Connection, type Next } from '../../src/smtp/haraka'

/** Haraka's auth_base, the code itself, as a plugin with these users would have it; `asked` gets each name. */
export function loadAuthBase(users: Readonly<Record<string, string>>, asked: string[] = []): AuthPlugin {
  const file = require.resolve('haraka/plugins/auth/auth_base.js')
  const plugin: Record<string, unknown> = { name: 'auth/test', lognotice: () => undefined }
  vm.runInNewContext(fs.readFileSync(file, 'utf8'), {
    exports: plugin,
    require: createRequire(file),
    // The delay of a failed login, which is none of what is looked at here.
    setTimeout: (then: () => void) => then(),
    OK,
    DENYDISCONNECT: 904,
  })
  plugin['get_plain_passwd'] = (
    user: string,
    _connection: unknown,
    cb: (password?: string) => void,
  ): void => {
    asked.push(user)
    cb(Object.hasOwn(users, user) ? users[user] : undefined)
  }
  return plugin as unknown as AuthPlugin
}

export interface AuthPlugin {
  hook_unrecognized_command(next: Next, connection: TestConnection, params: string[]): void
}

/** A hook as Haraka calls it. */
export type AuthHook = (next: Next, connection: TestConnection, params: string[]) => void

/** As much of Haraka's connection as auth_base touches; keeps what is said. */
export class TestConnection implements Connection {
  readonly notes: Connection['notes'] & Record<string, unknown> = {
    allowed_auth_methods: ['PLAIN', 'LOGIN', 'CRAM-MD5'],
  }
  readonly remote = { ip: '192.0.2.7' }
  readonly local = { host: 'gate.example.com' }
  readonly results = { add: () => undefined }
  readonly said: string[] = []
  transaction: Connection['transaction'] = null
  disconnected = false

  constructor(private readonly hooks: readonly AuthHook[]) {}

  respond(code: number, text: string, then: () => void): void {
    this.said.push(`${code} ${text}`)
    then()
  }

  reset_transaction(then: () => void): void {
    then()
  }

  auth_results = (): void => undefined
  loginfo = (): void => undefined
  lognotice = (): void => undefined

  /** One line of the client, through the hooks as Haraka runs them; gives the replies it got. */
  line(text: string): string[] {
    const [, command = text, , rest = ''] = /^([^ ]*)( +(.*))?$/.exec(text) ?? []
    const before = this.said.length
    this.#run(0, [command, rest])
    return this.said.slice(before)
  }

  #run(index: number, params: string[]): void {
    const hook = this.hooks[index]
    if (!hook) return void this.said.push('500 Unrecognized command')
    let calls = 0
    hook(
      (code) => {
        calls += 1
        if (calls > 1) throw new Error('next was called twice')
        if (code === undefined) this.#run(index + 1, params)
        else if (code !== OK) this.disconnected = true
      },
      this,
      params,
    )
  }
}
