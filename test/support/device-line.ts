import type { WireRecord } from '../../src/devices/record'

/** One device as a feed writes it: a compliant phone of anna@example.com, but for what is given. */
export const deviceFields = (differences: Readonly<Record<string, unknown>>): object => ({
  id: 'anna-phone',
  owners: ['anna@example.com'],
  platform: 'ios',
  state: 'compliant',
  findings: [],
  evidence_at: new Date().toISOString(),
  source: 'mdm',
  version: 1,
  ...differences,
})

/** The same as a line of NDJSON. */
export const deviceLine = (differences: Partial<WireRecord>): string =>
  JSON.stringify(deviceFields({ ...differences }))
