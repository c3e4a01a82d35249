/**
 * Decides a million devices under a draft as `device-gate policy what-if` does: a process of its own on an
 * embedded store, with two moments to tell (now and a deadline). Run by `npm run bench:what-if`.
 */
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

import { parsePolicy } from '../src/config/policy-file'
import { LmdbStore } from '../src/devices/lmdb-store'
import type { DeviceRecord } from '../src/policy/device'
import { PLATFORMS } from '../src/policy/vocabulary'
import { printFigure } from './figure'

const DEVICES = 1_000_000
const BATCH = 5000
const CLI = path.join(__dirname, '../dist/cli/main.js')
const BEFORE = 'mode: enforce\nstale: { after: 9000d }\n'
const DRAFT = `${BEFORE}mandates:
  - id: tiktok
    finding: "app:com.zhiliaoapp.musically"
    platforms: [ios, android]
    deadline: 2099-07-10T23:59:00-07:00
    stages: [{ percent: 10, from: 2099-07-10T23:59:00-07:00 }]
    message: Remove it
`

const deviceOf = (i: number, now: number): DeviceRecord => ({
  id: `3f2a9c04-5b1d-4e77-9a10-${String(i).padStart(12, '0')}`,
  owners: [`person${Math.floor(i / 3)}@example.com`],
  platform: PLATFORMS[i % PLATFORMS.length] ?? 'other',
  state: i % 50 === 0 ? 'noncompliant' : 'compliant',
  findings: ['os:26.1', ...(i % 5 === 0 ? ['app:com.zhiliaoapp.musically'] : [])],
  evidenceAt: now - i,
  source: 'mdm',
  version: 1,
})

async function fill(stateDir: string): Promise<void> {
  const store = LmdbStore.open(stateDir)
  const now = Date.now()
  const parsed = parsePolicy(BEFORE, { file: 'policy.yaml' })
  if (!parsed.ok) throw new Error('the policy of the bench is not valid')
  await store.applyPolicy(parsed.policy, BEFORE, { author: 'bench', reason: 'bench', at: now })
  for (let from = 0; from < DEVICES; from += BATCH)
    await store.putDevices(Array.from({ length: BATCH }, (_, i) => deviceOf(from + i, now)))
  await store.close()
}

interface Told {
  readonly moments: readonly { readonly newly_blocked: { readonly count: number } }[]
}

async function main(): Promise<void> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'device-gate-bench-'))
  try {
    fs.mkdirSync(path.join(dir, 'config'))
    await fill(path.join(dir, 'var'))
    const draft = path.join(dir, 'draft.yaml')
    fs.writeFileSync(draft, DRAFT)
    const list = path.join(dir, 'list.ndjson')
    const start = performance.now()
    const out = execFileSync(
      process.execPath,
      [CLI, '-c', dir, 'policy', 'what-if', draft, '--list', list, '--json'],
      { encoding: 'utf8' },
    )
    const seconds = (performance.now() - start) / 1000
    const blocked = (JSON.parse(out) as Told).moments.map(({ newly_blocked }) => newly_blocked.count)
    printFigure({
      bench: 'what-if',
      figure: 'a million devices at two moments',
      value: seconds,
      unit: 's',
      target: { atMost: 30 },
      context: {
        newly_blocked: blocked.join(' and '),
        listed: fs.readFileSync(list, 'utf8').split('\n').length - 1,
        load: Math.round(os.loadavg()[0] ?? 0),
      },
    })
  } finally {
    fs.rmSync(dir, { recursive: true, force: true })
  }
}

void main()
