import { fork, type ChildProcess } from 'node:child_process'
import path from 'node:path'

/** What the load process can be asked to do; one at a time. */
export type LoadTask =
  /** Log in and out over and over, on `connections` at once. */
  | {
      readonly kind: 'login'
      readonly port: number
      readonly connections: number
      readonly durationMs: number
    }
  /** Fetch the whole INBOX of the first user over and over. */
  | {
      readonly kind: 'fetch'
      readonly port: number
      readonly connections: number
      readonly durationMs: number
    }
  /** One NOOP after the other, in turns of `perTurn` on a session at each port. */
  | {
      readonly kind: 'noop'
      readonly ports: readonly number[]
      readonly turns: number
      readonly perTurn: number
    }
  /** Log in `sessions` and keep them, silent. */
  | { readonly kind: 'hold'; readonly port: number; readonly sessions: number }
  | { readonly kind: 'release' }

/** Logins or octets in `seconds`; for `noop` the round trips of each port, in microseconds. */
export interface LoadResult {
  readonly done: number
  readonly seconds: number
  readonly roundTripsUs: readonly (readonly number[])[]
}

export interface LoadAccounts {
  readonly users: readonly string[]
  readonly password: string
}

/** A process of its own for the clients, so that their work does not hold up who measures. */
export class LoadClient {
  readonly #child: ChildProcess

  constructor(accounts: LoadAccounts) {
    this.#child = fork(path.join(__dirname, 'load-process.ts'), [JSON.stringify(accounts)])
  }

  run(task: LoadTask): Promise<LoadResult> {
    return new Promise((resolve, reject) => {
      const onExit = (code: number | null): void =>
        reject(new Error(`the load process ended with ${String(code)}`))
      this.#child.once('exit', onExit)
      this.#child.once('message', (result) => {
        this.#child.off('exit', onExit)
        resolve(result as LoadResult)
      })
      this.#child.send(task)
    })
  }

  stop(): void {
    this.#child.kill()
  }
}
