/**
 * How soon the admin server answers what the console asks, at a site with a million devices: each page as a reader opens it
 * first, over HTTP, while the devices are being counted in the background. Run by `npm run bench:admin`.
 */
import { AdminSite } from '../test/admin/admin-site'
import { printFigure, quantile } from './figure'
import { deviceOf } from './support/sample-devices'

const BENCH = 'admin'
const DEVICES = 1_000_000
const DEVICES_AT_ONCE = 2000
const TIMES = 51
const COUNT_LOOK_MS = 50
const TARGET_MS = 100
const POLICY = `mode: enforce
max_new_blocks: { percent: 100, count: 1000000 }
mandates:
  - id: game
    finding: "app:com.example.game"
    platforms: [ios, android]
    warn_from: 2026-01-01T00:00:00Z
    deadline: 2026-01-02T00:00:00Z
    message: Remove the game
`

async function main(): Promise<void> {
  const site = await AdminSite.start()
  try {
    for (let first = 0; first < DEVICES; first += DEVICES_AT_ONCE)
      await site.store.putDevices(Array.from({ length: DEVICES_AT_ONCE }, (_, i) => deviceOf(first + i)))
    await site.applyPolicy(POLICY)
    const ordered = performance.now()
    const middle = deviceOf(DEVICES / 2)
    const device = encodeURIComponent(middle.id)
    const user = encodeURIComponent(middle.owners[0] ?? '')
    for (const [name, path] of [
      ['overview', '/api/v1/overview'],
      ['devices', '/api/v1/devices'],
      ['devices whose id begins so', `/api/v1/devices?prefix=${middle.id.slice(0, 4)}`],
      ['devices of a person', `/api/v1/devices?owner=${user}`],
      ['devices of a state and a platform', '/api/v1/devices?state=noncompliant&platform=ios'],
      ['a device', `/api/v1/devices/${device}`],
      ['a person', `/api/v1/people/${user}`],
      ['why a device', `/api/v1/why?device=${device}`],
    ] as const)
      await measure(site, name, path)
    await measureCount(site, ordered)
  } finally {
    await site.stop()
  }
}

async function measure(site: AdminSite, name: string, path: string): Promise<void> {
  const took: number[] = []
  for (let i = 0; i < TIMES; i += 1) {
    const began = performance.now()
    const { status, text } = await site.call('GET', path, { token: site.token('viewer') })
    took.push(performance.now() - began)
    if (status !== 200) throw new Error(`${path}: ${status} ${text}`)
  }
  const about = { bench: BENCH, unit: 'ms', context: { devices: DEVICES } }
  printFigure({ ...about, figure: `${name}, p50`, value: quantile(took, 0.5) })
  printFigure({
    ...about,
    figure: `${name}, p95`,
    value: quantile(took, 0.95),
    target: { atMost: TARGET_MS },
  })
}

/** From the order until the overview has how many are blocked by it. */
async function measureCount(site: AdminSite, ordered: number): Promise<void> {
  for (;;) {
    const { json } = await site.call('GET', '/api/v1/overview', { token: site.token('viewer') })
    const { blocked_now: blocked, devices } = json as { blocked_now: number | null; devices: number }
    if (blocked !== null && blocked > 0) {
      const value = (performance.now() - ordered) / 1000
      printFigure({
        bench: BENCH,
        figure: 'blocked now, counted anew',
        value,
        unit: 's',
        context: { blocked, devices },
      })
      return
    }
    await new Promise((resolve) => setTimeout(resolve, COUNT_LOOK_MS))
  }
}

void main()
