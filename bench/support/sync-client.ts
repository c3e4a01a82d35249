import { fork, type ChildProcess } from 'node:child_process'
import path from 'node:path'

export interface SyncAccounts {
  readonly password: string
  /** The messages of everybody's INBOX, in their order: files with the very octets. */
  readonly messages: readonly string[]
}

/** A device that syncs: the user name it logs in with, and the gate it goes to. */
export interface SyncDevice {
  readonly id: string
  readonly login: string
  readonly port: number
  /** It fetches nothing but the last and largest message, slowly and without a rest: it is always within a literal. */
  readonly slow: boolean
}

/** What a sync process can be asked to do; one at a time. */
export type SyncTask =
  /** Log in each of its devices that has no session, and have it look at its INBOX. */
  | { readonly kind: 'open' }
  /** From now on each session fetches one message after the other. */
  | { readonly kind: 'fetch' }
  /** Give the sessions that ended since the last time it was asked. */
  | { readonly kind: 'ended' }

export interface EndedSession {
  readonly id: string
  /** Epoch milliseconds, with fractions. */
  readonly at: number
  /** `bye` between two responses; `silent` there, but without a word; `cut` within a response, or by other octets. */
  readonly how: 'bye' | 'silent' | 'cut'
  /** Of the last literal it read, as epoch milliseconds; 0: it read none. */
  readonly literalFrom: number
  readonly literalTo: number
}

export interface SyncReport {
  readonly open: number
  readonly ended: readonly EndedSession[]
  /** Octets of literals that were compared since the last time. */
  readonly checkedOctets: number
}

/** The mail apps of many devices, in a process of their own. */
export class SyncClient {
  readonly #child: ChildProcess

  constructor(accounts: SyncAccounts, devices: readonly SyncDevice[]) {
    this.#child = fork(path.join(__dirname, 'sync-process.ts'))
    this.#child.send({ accounts, devices })
  }

  run(task: SyncTask): Promise<SyncReport> {
    return new Promise((resolve, reject) => {
      const onExit = (code: number | null): void =>
        reject(new Error(`the sync process ended with ${String(code)}`))
      this.#child.once('exit', onExit)
      this.#child.once('message', (report) => {
        this.#child.off('exit', onExit)
        resolve(report as SyncReport)
      })
      this.#child.send(task)
    })
  }

  stop(): void {
    this.#child.kill()
  }
}
