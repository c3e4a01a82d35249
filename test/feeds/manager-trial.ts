import assert from 'node:assert/strict'

import { readSettings } from '../../src/config/settings'
import type { FeedAnswer, FeedKind, Settings } from '../../src/feeds/kind'
import { MDM, type FeedSite } from './feed-site'
import type { TrialContext } from './trial-context'

type TrialSweep = Awaited<ReturnType<FeedSite['sweepBy']>>

/** A kind as the feed `mdm` of a site: what it is given and what it brings, and that it keeps its secrets. */
export class ManagerTrial {
  settings: Settings
  /** All that was said to people. */
  readonly told: string[] = []

  constructor(
    private readonly site: FeedSite,
    private readonly kind: FeedKind,
    settings: Record<string, unknown>,
    private readonly secrets: Readonly<Record<string, string>>,
  ) {
    this.settings = this.read(settings)
  }

  /** As they are given on the command line. */
  read(settings: Record<string, unknown>): Settings {
    const reading = readSettings(this.kind.settingsSchema, settings)
    assert.ok(reading.ok, JSON.stringify(reading))
    return reading.value
  }

  context(): TrialContext {
    return this.site.contextFor(this.settings, this.secrets)
  }

  async sweep(): Promise<TrialSweep> {
    const report = await this.site.sweepBy(this.kind, this.settings, this.secrets)
    this.told.push(JSON.stringify(report), String(report.error))
    return report
  }

  async test(): Promise<readonly string[]> {
    try {
      const { facts } = await this.kind.test!(this.context())
      this.told.push(...facts)
      return facts
    } catch (error) {
      this.told.push(String(error))
      throw error
    }
  }

  /** As a request to POST /feeds/mdm/events: answered when it is written. */
  async receive(
    body: unknown,
    headers: Readonly<Record<string, string>> = {},
    method = 'POST',
  ): Promise<FeedAnswer> {
    const octets = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
    const request = { method, headers, body: octets }
    const { readings, events, answer } = await this.kind.receive!(this.context(), request)
    if (readings.length > 0) await this.site.intake.take(MDM, readings, events)
    this.told.push(JSON.stringify(answer))
    return answer
  }

  assertToldNothingOf(secrets: Iterable<string>): void {
    const told = this.told.join('\n')
    for (const secret of secrets) assert.ok(!told.includes(secret), `told ${secret}`)
  }
}
