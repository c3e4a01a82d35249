import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

import { eventually } from './eventually'
import { freePorts } from './ports'
import { WatchedProcess } from './process'

export interface Scrape {
  /** Where a gate's admin server is. */
  readonly url: string
  readonly token: string
}

export interface QueryResult {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** A private Prometheus on a free port of 127.0.0.1 that reads a gate each second. */
export class Prometheus {
  private constructor(
    private readonly dir: string,
    private readonly port: number,
    private readonly process: WatchedProcess,
  ) {}

  static async start({ url, token }: Scrape, ruleFiles: readonly string[] = []): Promise<Prometheus> {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'device-gate-prometheus-'))
    const [port = 0] = await freePorts(1)
    fs.writeFileSync(path.join(dir, 'token'), `${token}\n`, { mode: 0o600 })
    const config = {
      global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
      rule_files: ruleFiles,
      scrape_configs: [
        {
          job_name: 'device-gate',
          authorization: { credentials_file: path.join(dir, 'token') },
          static_configs: [{ targets: [new URL(url).host] }],
        },
      ],
    }
    // JSON is YAML.
    const file = path.join(dir, 'prometheus.yaml')
    fs.writeFileSync(file, JSON.stringify(config))
    const process = new WatchedProcess('prometheus', [
      `--config.file=${file}`,
      `--storage.tsdb.path=${path.join(dir, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ])
    const prometheus = new Prometheus(dir, port, process)
    await process.until(/Server is ready to receive web requests/)
    return prometheus
  }

  /** What an expression gives now. */
  async query(expression: string): Promise<QueryResult[]> {
    const { result } = (await this.#ask(`query?query=${encodeURIComponent(expression)}`)) as {
      readonly result: readonly {
        readonly metric: Record<string, string>
        readonly value: [number, string]
      }[]
    }
    return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }))
  }

  /** The only value that an expression gives; undefined: it gives none. */
  async value(expression: string): Promise<number | undefined> {
    const results = await this.query(expression)
    if (results.length > 1) throw new Error(`${expression} gives ${results.length} values`)
    return results[0]?.value
  }

  /** Resolves once an expression gives something. */
  until(expression: string): Promise<QueryResult[]> {
    return eventually(async () => {
      const results = await this.query(expression)
      if (results.length === 0) throw new Error(`${expression} gives nothing`)
      return results
    })
  }

  /** The rules that it has, with their health. */
  async rules(): Promise<readonly { readonly name: string; readonly health: string }[]> {
    const { groups } = (await this.#ask('rules')) as {
      readonly groups: readonly {
        readonly rules: readonly { readonly name: string; readonly health: string }[]
      }[]
    }
    return groups.flatMap(({ rules }) => rules)
  }

  async #ask(what: string): Promise<unknown> {
    const response = await fetch(`http://127.0.0.1:${this.port}/api/v1/${what}`)
    const body = (await response.json()) as { readonly data?: unknown; readonly error?: string }
    if (body.data === undefined) throw new Error(`${what}: ${body.error ?? response.status}`)
    return body.data
  }

  async remove(): Promise<void> {
    await this.process.stop()
    fs.rmSync(this.dir, { recursive: true, force: true })
  }
}
