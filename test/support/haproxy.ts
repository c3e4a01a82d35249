import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

import { freePorts, untilListening } from './ports'
import { WatchedProcess } from './process'

const HAPROXY = '/usr/sbin/haproxy'

/** One listener, and where what comes to it goes. */
export interface Way {
  readonly to: number
  /** Of its server line, as `send-proxy-v2`. */
  readonly options: string
  /** PEM file of certificate and key: clients come by TLS, and HAProxy takes it off. */
  readonly pem?: string
}

/** A private HAProxy on high ports of 127.0.0.1. */
export class HAProxy<Name extends string> {
  private constructor(
    private readonly dir: string,
    readonly ports: Readonly<Record<Name, number>>,
    private readonly process: WatchedProcess,
  ) {}

  /** `from`: the address that it connects from. */
  static async start<Name extends string>(
    from: string,
    ways: Readonly<Record<Name, Way>>,
  ): Promise<HAProxy<Name>> {
    if (!fs.existsSync(HAPROXY))
      throw new Error(`${HAPROXY} is missing: run scripts/install-test-packages.sh`)
    const entries = Object.entries<Way>(ways)
    const free = await freePorts(entries.length)
    const listeners = entries.map(([name, { to, options, pem }], i) => {
      const bind = `bind 127.0.0.1:${free[i]}${pem === undefined ? '' : ` ssl crt ${pem}`}`
      return `listen ${name}\n  ${bind}\n  server gate 127.0.0.1:${to} source ${from} ${options}\n`
    })
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'device-gate-haproxy-'))
    const file = path.join(dir, 'haproxy.cfg')
    const defaults =
      'defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n'
    fs.writeFileSync(file, `global\n  maxconn 200\n${defaults}${listeners.join('')}`)
    const child = new WatchedProcess(HAPROXY, ['-db', '-f', file])
    for (const port of free) await untilListening(port, () => child.output)
    const ports = Object.fromEntries(entries.map(([name], i) => [name, free[i]])) as Record<Name, number>
    return new HAProxy(dir, ports, child)
  }

  /** What it told of servers that are up or down. */
  get output(): string {
    return this.process.output
  }

  async remove(): Promise<void> {
    await this.process.stop('SIGKILL')
    fs.rmSync(this.dir, { recursive: true, force: true })
  }
}
