import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import fs from 'node:fs'

/** Whether there is such a process; one that ended and was not waited for counts as gone. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s*Z/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** A child process whose output is kept and can be waited for. */
export class WatchedProcess {
  readonly child: ChildProcess
  /** Everything it wrote to stdout and stderr so far. */
  output = ''
  /** What of it went to stdout. */
  stdout = ''
  readonly exited: Promise<number | null>
  #ended = false
  readonly #listeners = new Set<() => void>()

  constructor(command: string, args: readonly string[], options: SpawnOptions = {}) {
    this.child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options })
    const take = (chunk: Buffer): void => {
      this.output += chunk.toString()
      this.#tell()
    }
    this.child.stdout?.on('data', (chunk: Buffer) => {
      this.stdout += chunk.toString()
      take(chunk)
    })
    this.child.stderr?.on('data', take)
    this.exited = new Promise((resolve, reject) => {
      this.child.once('error', reject)
      this.child.once('close', (code) => {
        this.#ended = true
        this.#tell()
        resolve(code)
      })
    })
    this.exited.catch(() => undefined)
  }

  /** Resolves once `pattern` was written `count` times; rejects when the process ends before, or in `timeoutMs`. */
  until(pattern: RegExp, count = 1, timeoutMs = 30_000): Promise<void> {
    const all = new RegExp(pattern.source, `${pattern.flags.replace('g', '')}g`)
    return new Promise((resolve, reject) => {
      const settle = (error?: Error): void => {
        clearTimeout(timer)
        this.#listeners.delete(look)
        if (error) reject(error)
        else resolve()
      }
      const look = (): void => {
        if ((this.output.match(all)?.length ?? 0) >= count) settle()
        else if (this.#ended) settle(new Error(`ended without writing ${String(pattern)}:\n${this.output}`))
      }
      const timer = setTimeout(
        () => settle(new Error(`${String(pattern)} was not written in time:\n${this.output}`)),
        timeoutMs,
      )
      this.#listeners.add(look)
      look()
    })
  }

  /** Ends it with a signal and gives its exit code; kills it when it does not end in time. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', timeoutMs = 15_000): Promise<number | null> {
    if (!this.#ended) this.child.kill(signal)
    const timer = setTimeout(() => this.child.kill('SIGKILL'), timeoutMs)
    try {
      return await this.exited
    } finally {
      clearTimeout(timer)
    }
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }
}
