import { AUDIENCE, Transmitter } from '../feeds/caep/transmitter'
import { deviceLine } from './device-line'
import { eventually } from './eventually'
import { HarakaSite } from './haraka-site'

export const USER = 'anna@example.com'
export const PASSWORD = 'secret'
export const POLICY = 'mode: enforce\nnoncompliant: block\n'

/** A real Haraka with two workers that takes events of a transmitter into the devices of a file. */
export class CaepSite {
  private constructor(
    readonly haraka: HarakaSite,
    readonly transmitter: Transmitter,
  ) {}

  static async start(ids: readonly string[], count: number): Promise<CaepSite> {
    const transmitter = await Transmitter.start()
    const haraka = await HarakaSite.create({
      nodes: 2,
      policy: POLICY,
      upstreamPort: 9,
      users: { [USER]: PASSWORD },
      admin: '{ listen: "127.0.0.1:0" }',
    })
    const site = new CaepSite(haraka, transmitter)
    await haraka.run('tag', 'rotate')
    const lines = ids.map((id) => deviceLine({ id, owners: [USER], state: 'compliant', version: 1 }))
    haraka.writeFile('devices.ndjson', lines.map((line) => `${line}\n`).join(''))
    const reason = ['--reason', 'a test']
    const breaker = ['--percent', '100', '--count', String(count)]
    const file = ['--kind', 'file', '--set', `path=${haraka.file('devices.ndjson')}`]
    await haraka.run('feed', 'add', 'mdm', ...file, ...breaker, ...reason)
    await haraka.run('feed', 'sync', 'mdm')
    const caep = [
      '--kind',
      'caep-push',
      '--set',
      `issuer=${transmitter.issuer}`,
      '--set',
      `audience=${AUDIENCE}`,
    ]
    await haraka.run('feed', 'add', 'caep', ...caep, '--of', 'mdm', ...reason)
    await site.startHaraka()
    return site
  }

  /** Where events are pushed to; throws while nothing listens. */
  get url(): string {
    return `${this.haraka.adminUrl}/feeds/caep/events`
  }

  async startHaraka(): Promise<void> {
    await this.haraka.start()
    await eventually(() => this.url)
  }

  /** As when the machine's memory is full: nothing is written any more, and nobody says goodbye. */
  async killMaster(): Promise<void> {
    this.haraka.haraka.child.kill('SIGKILL')
    await this.haraka.haraka.exited
    // The workers end when they see that their master is gone.
    await eventually(() => {
      if (this.haraka.workers.length > 0) throw new Error('workers live on')
    })
  }

  async remove(): Promise<void> {
    await this.haraka.remove()
    await this.transmitter.source.close()
  }
}
