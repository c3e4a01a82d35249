import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { Ajv } from 'ajv'
import { parseDocument, visit, isScalar, isMap } from 'yaml'

import { parseHostConfig } from '../../src/config/host-config-file'
import { parsePolicy } from '../../src/config/policy-file'

const CONFIG = path.resolve(__dirname, '../../config')
const read = (name: string): string => fs.readFileSync(path.join(CONFIG, name), 'utf8')
const harakaDir = path.join(CONFIG, 'nowhere')

interface Schema {
  readonly $ref?: string
  readonly description?: string
  readonly default?: unknown
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
}

/** Every key of a schema, dotted; `[]` for the items of a list. */
function schemaKeys(schema: Schema, prefix = ''): Map<string, Schema> {
  const keys = new Map<string, Schema>()
  for (const [name, value] of Object.entries(schema.properties ?? {})) {
    const key = prefix === '' ? name : `${prefix}.${name}`
    keys.set(key, value)
    for (const below of schemaKeys(value, key)) keys.set(...below)
    if (value.items) for (const below of schemaKeys(value.items, `${key}[]`)) keys.set(...below)
  }
  return keys
}

/** Every key that a YAML text has, in the same form. */
function yamlKeys(text: string): Set<string> {
  const keys = new Set<string>()
  visit(parseDocument(text), {
    Pair: (_, pair, ancestors) => {
      let key = ''
      for (const node of [...ancestors.slice(1), pair]) {
        if (typeof node !== 'object' || !('key' in node)) {
          if (!isMap(node)) key += '[]'
        } else if (isScalar(node.key)) key += `${key === '' ? '' : '.'}${String(node.key.value)}`
      }
      keys.add(key)
    },
  })
  return keys
}

const host = JSON.parse(read('device_gate.schema.json')) as Schema
const policy = JSON.parse(read('device_gate_policy.schema.json')) as Schema

describe('the sample device_gate.yaml', () => {
  const sample = read('device_gate.yaml')

  it('has every key there is, and no other', () => {
    assert.deepEqual([...yamlKeys(sample)].sort(), [...schemaKeys(host).keys()].sort())
  })

  it('gives every key its default: an empty mapping comes to the same', () => {
    const fromSample = parseHostConfig(sample, { file: 'device_gate.yaml', harakaDir })
    const fromNothing = parseHostConfig('{}', { file: 'device_gate.yaml', harakaDir })
    assert.ok(fromSample.ok && fromNothing.ok)
    assert.deepEqual(fromSample.raw, fromNothing.raw)
  })

  // The public contract; README and docs repeat it.
  it('has the defaults that were promised', () => {
    const reading = parseHostConfig(sample, { file: 'device_gate.yaml', harakaDir })
    assert.ok(reading.ok)
    assert.deepEqual(reading.raw, {
      enforcement: 'policy',
      state_dir: './var',
      fail_mode: 'closed',
      store: {
        kind: 'embedded',
        redis: { url: 'redis://127.0.0.1:6379/0', key_prefix: 'dg:' },
        lease_s: 30,
      },
      policy: { source: 'file' },
      identity: {
        unidentified: 'owner',
        tag: { separator: '#', key_file: './device_gate_tag.key' },
        client_ca: null,
        certificate_device: 'named',
        oauth: { issuer: null, audience: null, jwks_uri: null, user_claim: 'sub', device_claim: null },
        exempt_networks: [],
      },
      smtp: { enabled: true },
      imap: {
        enabled: true,
        listen: ['127.0.0.1:1143'],
        listen_tls: [],
        tls: { cert: null, key: null },
        proxy_networks: [],
        forwarding_networks: [],
        plaintext_login: 'loopback',
        upstream: { host: '127.0.0.1', port: 143, tls: 'none', ca: null },
        limits: { connections: 20000, per_address: 200, login_s: 60, line: 8192, literal: 65536 },
        revoke_spread_s: 10,
      },
      journal: { max_age: '90d', max_entries: 1000000, pseudonymise: false },
      admin: {
        listen: '127.0.0.1:8143',
        token_file: './device_gate_admin.token',
        tls: { cert: null, key: null },
      },
      attestation: { url: null, valid: '14d' },
    })
  })
})

/** Names that a site makes up. */
const EXAMPLES = ['groups.pilot', ...['', '.ios', '.android'].map((key) => `apps.our-notes${key}`)]

/** What a case seldom needs. */
const UNSHOWN = ['id', 'owners', 'state'].map((key) => `tests[].device.${key}`)

describe('the sample device_gate_policy.yaml', () => {
  const sample = read('device_gate_policy.yaml')
  /** With what stands there as a comment, since it would make another order of the Friday mandate. */
  const whole = sample.replace(/^( *)# ((?:groups|apps|stages|until): .*)$/gm, '$1$2')
  const inSample = yamlKeys(whole)

  it('has every key there is, and no other', () => {
    const keys = [...schemaKeys(policy).keys(), ...EXAMPLES].filter((key) => !UNSHOWN.includes(key))
    assert.deepEqual([...inSample].sort(), keys.sort())
  })

  it('is valid with what stands there as a comment', () => {
    const parsed = parsePolicy(whole.replace(/^tests:[^]*/m, ''), { file: 'device_gate_policy.yaml' })
    assert.deepEqual(parsed.ok ? [] : parsed.problems, [])
  })

  it('gives every key that has a default its default', () => {
    const parsed = parsePolicy(sample, { file: 'device_gate_policy.yaml' })
    const least = parsePolicy('mode: monitor', { file: 'device_gate_policy.yaml' })
    assert.ok(parsed.ok && least.ok)
    // The sample shows these by an example, where the default is none.
    const examples = { contact: '', mandates: [], tests: [] }
    assert.deepEqual({ ...parsed.policy, ...examples }, least.policy)
  })

  it('has the defaults that were promised, and starts in monitor', () => {
    const parsed = parsePolicy(sample, { file: 'device_gate_policy.yaml' })
    assert.ok(parsed.ok)
    const { mode, maxNewBlocks, unknown, stale, noncompliant, grace } = parsed.policy
    assert.deepEqual(
      { mode, maxNewBlocks, unknown, stale, noncompliant, grace },
      {
        mode: 'monitor',
        maxNewBlocks: { percent: 5, count: 50, approval: 'confirm' },
        unknown: 'allow',
        stale: { afterMs: 7 * 86_400_000, action: 'warn' },
        noncompliant: 'block',
        grace: 'warn',
      },
    )
  })

  it('carries the Friday mandate, whose own tests hold', () => {
    const parsed = parsePolicy(sample, { file: 'device_gate_policy.yaml' })
    assert.ok(parsed.ok)
    assert.deepEqual(
      parsed.policy.mandates.map(({ id, platforms, warnFrom, deadline }) => ({
        id,
        platforms,
        warnFrom: new Date(warnFrom).toISOString(),
        deadline: new Date(deadline).toISOString(),
      })),
      [
        {
          id: 'tiktok-2020-07',
          platforms: ['ios', 'android'],
          warnFrom: '2020-07-06T07:00:00.000Z',
          deadline: '2020-07-11T06:59:00.000Z',
        },
      ],
    )
    assert.equal(parsed.policy.tests.length, 2)
  })
})

describe('docs/mandates.md', () => {
  it('shows a mandate that is valid', () => {
    const document = fs.readFileSync(path.resolve(CONFIG, '../docs/mandates.md'), 'utf8')
    const example = /```yaml\n([^]*?)```/.exec(document)?.[1] ?? ''
    const parsed = parsePolicy(`mode: enforce\n${example}`, { file: 'device_gate_policy.yaml' })
    assert.deepEqual(parsed.ok ? parsed.policy.mandates.map(({ id }) => id) : parsed.problems, [
      'tiktok-2026-07',
    ])
  })
})

describe('the published schemas', () => {
  for (const [name, schema] of [
    ['device_gate.schema.json', host],
    ['device_gate_policy.schema.json', policy],
  ] as const) {
    it(`${name} is a schema of its draft`, () => {
      const ajv = new Ajv()
      assert.ok(ajv.validateSchema(schema), ajv.errorsText())
    })
    it(`${name} says of every key what it is for`, () => {
      const silent = [...schemaKeys(schema)].filter(([, { description }]) => !description)
      assert.deepEqual(
        silent.map(([key]) => key),
        [],
      )
    })
  }
})
