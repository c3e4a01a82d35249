import { spawn, type ChildProcess } from 'node:child_process'
import path from 'node:path'
import readline from 'node:readline'

import { eventually } from '../support/eventually'

const MAX_SHOWN = 2000

/** A process of a host, which can be killed, stopped and started again. */
export class Part {
  /** Ends that nobody asked for. */
  readonly crashes: string[] = []
  #child: ChildProcess | undefined
  #exited: Promise<void> = Promise.resolve()
  #ready = false
  #stderr = ''

  constructor(
    readonly name: string,
    private readonly script: string,
    private readonly args: readonly string[],
    private readonly onLine: (line: string) => void,
  ) {}

  start(): void {
    const file = path.join(__dirname, this.script)
    const child = spawn(process.execPath, ['-r', 'tsx/cjs', file, ...this.args], { stdio: 'pipe' })
    this.#child = child
    this.#ready = false
    this.#stderr = ''
    child.stderr.on(
      'data',
      (chunk: Buffer) => (this.#stderr = (this.#stderr + String(chunk)).slice(-MAX_SHOWN)),
    )
    child.stdin.on('error', () => undefined)
    readline.createInterface({ input: child.stdout }).on('line', (line) => {
      if (line === 'ready') this.#ready = true
      else this.onLine(line)
    })
    this.#exited = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        if (this.#child === child)
          this.crashes.push(`${this.name} ended with ${code ?? signal ?? ''}: ${this.#stderr}`)
        resolve()
      })
    })
  }

  untilReady(): Promise<void> {
    return eventually(() => {
      if (!this.#ready) throw new Error(`${this.name} is not ready: ${this.#stderr}`)
    })
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  order(...words: readonly string[]): void {
    this.#child?.stdin?.write(`${words.join(' ')}\n`)
  }

  /** SIGSTOP: it does nothing, and does not know. */
  stop(): void {
    this.#child?.kill('SIGSTOP')
  }

  goOn(): void {
    this.#child?.kill('SIGCONT')
  }

  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    child?.kill('SIGKILL')
    await this.#exited
  }
}
