import type { DeviceRecord } from '../../src/policy/device'
import { PLATFORMS, STATES } from '../../src/policy/vocabulary'

const AT = Date.parse('2026-11-20T08:00:00Z')

/** A fleet as a device manager would tell it: ids that are UUIDs in no order, 1.2 devices a person, few findings. */
export function deviceOf(i: number): DeviceRecord {
  const scattered = Math.imul(i, 0x9e3779b1) >>> 0
  const hex = scattered.toString(16).padStart(8, '0')
  return {
    id: `${hex}-5eed-4000-8000-${i.toString(16).padStart(12, '0')}`,
    owners: [`person-${Math.floor(i / 1.2)}@example.com`],
    platform: PLATFORMS[scattered % PLATFORMS.length] ?? 'other',
    state: STATES[scattered % 11] ?? 'compliant',
    findings: scattered % 7 === 0 ? ['app:com.example.game', 'os:outdated'] : [],
    evidenceAt: AT + (scattered % 86_400_000),
    source: 'mdm',
    version: 1 + (scattered % 100),
  }
}
