import type { DeviceRecord } from '../policy/device'
import type { ComplianceState, Platform } from '../policy/vocabulary'

/** The app of the Friday mandate, as a feed would report it. */
const FORBIDDEN = 'app:com.zhiliaoapp.musically'
/** An app whose mandate has not reached its deadline yet. */
const OUTGOING = 'app:com.example.oldvpn'

type Row = readonly [
  id: string,
  owner: string,
  platform: Platform,
  state: ComplianceState,
  findings: readonly string[],
]

const ROWS: readonly Row[] = [
  ['anna-iphone', 'anna', 'ios', 'compliant', []],
  ['anna-laptop', 'anna', 'macos', 'compliant', []],
  ['ben-pixel', 'ben', 'android', 'compliant', [OUTGOING]],
  ['ben-desktop', 'ben', 'windows', 'compliant', []],
  ['carol-iphone', 'carol', 'ios', 'compliant', [FORBIDDEN]],
  ['carol-laptop', 'carol', 'windows', 'compliant', [FORBIDDEN]],
  ['dan-galaxy', 'dan', 'android', 'compliant', [FORBIDDEN]],
  ['dan-laptop', 'dan', 'linux', 'compliant', []],
  ['erin-iphone', 'erin', 'ios', 'noncompliant', []],
  ['erin-ipad', 'erin', 'ios', 'compliant', []],
  ['frank-pixel', 'frank', 'android', 'grace', []],
  ['frank-laptop', 'frank', 'macos', 'compliant', []],
  ['grace-iphone', 'grace', 'ios', 'compliant', []],
  ['grace-chromebook', 'grace', 'chromeos', 'compliant', []],
  ['heidi-galaxy', 'heidi', 'android', 'unknown', []],
  ['heidi-desktop', 'heidi', 'windows', 'noncompliant', []],
  ['ivan-iphone', 'ivan', 'ios', 'compliant', [OUTGOING]],
  ['ivan-laptop', 'ivan', 'macos', 'compliant', []],
  ['judy-pixel', 'judy', 'android', 'compliant', []],
  ['judy-laptop', 'judy', 'windows', 'compliant', []],
]

export const demoOwners = (): string[] => [...new Set(ROWS.map(([, owner]) => `${owner}@example.com`))]

/** The sample fleet, as if a device manager had reported it at `now` (epoch milliseconds). */
export const demoFleet = (now: number): DeviceRecord[] =>
  ROWS.map(([id, owner, platform, state, findings]) => ({
    id,
    owners: [`${owner}@example.com`],
    platform,
    state,
    findings,
    evidenceAt: now,
    source: 'demo',
    version: Math.floor(now / 1000),
  }))

/** The Friday mandate as it stood after its deadline, and a second one that still warns. */
export const demoPolicy = (now: number): string => {
  const at = (days: number): string => new Date(now + days * 86_400_000).toISOString()
  return `# Demo policy, made by npm start. Edit it: a change is live within a second.
mode: enforce
unknown: allow
stale: { after: 7d, action: warn }
noncompliant: block
grace: warn
contact: "Help desk: +1 555 0100"
mandates:
  - id: friday-mandate
    finding: "${FORBIDDEN}"
    platforms: [ios, android]          # laptops are exempt
    warn_from: ${at(-5)}
    deadline: ${at(-1)}
    message: "Remove TikTok from this phone to go on using company email"
  - id: old-vpn
    finding: "${OUTGOING}"
    platforms: [ios, android]
    warn_from: ${at(-1)}
    deadline: ${at(6)}
    message: "Remove the old VPN app from this phone to go on using company email"
tests:
  - { device: { platform: ios, findings: ["${FORBIDDEN}"] }, at: ${at(0)}, expect: block }
  - { device: { platform: windows, findings: ["${FORBIDDEN}"] }, at: ${at(0)}, expect: allow }
`
}
