import { blockEntry as block } from '../support/block-entry'
import type { AdminSite } from './admin-site'

/** Bounds so wide that the guard lets the tests' orders pass, unless they ask for it. */
export const POLICY = `mode: enforce
max_new_blocks: { percent: 0, count: 0 }
contact: "Help desk: +1 555 0100"
mandates:
  - id: tiktok-2020-07
    finding: "app:com.zhiliaoapp.musically"
    platforms: [ios, android]
    warn_from: 2020-07-06T00:00:00-07:00
    deadline: 2020-07-10T23:59:00-07:00
    message: "Remove TikTok from this phone to go on using company email"
`

export { block }

/** Three devices of two people, and what was refused them. */
export async function seed(site: AdminSite): Promise<void> {
  await site.put(
    { id: 'anna-laptop', platform: 'macos' },
    { id: 'anna-phone', state: 'noncompliant' },
    { id: 'ben-phone', owners: ['ben@example.com'], platform: 'android', state: 'grace' },
  )
  const now = Date.now()
  for (let i = 0; i < 3; i += 1)
    site.journal.append(block({ time: now - i, protocol: i === 1 ? 'smtp' : 'imap' }))
  site.journal.append(
    block({
      time: now,
      user: 'ben@example.com',
      device: 'ben-phone',
      platform: 'android',
      outcome: 'warn',
      reason: 'grace',
      decision: '7QK2M0XD',
    }),
  )
  await site.journal.drain()
}
