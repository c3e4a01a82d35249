import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'

import { CliSite } from './site'

const SAMPLES = path.resolve(__dirname, '../../config')
const SETTINGS = ['device_gate.yaml', 'device_gate_policy.yaml']
const SCHEMAS = ['device_gate.schema.json', 'device_gate_policy.schema.json']

describe('device-gate init', () => {
  let site: CliSite
  beforeEach(() => (site = new CliSite()))
  afterEach(() => site.remove())

  const config = (name: string): string => fs.readFileSync(site.file('config', name), 'utf8')
  const sample = (name: string): string => fs.readFileSync(path.join(SAMPLES, name), 'utf8')

  it('writes the samples and their schemas, which are valid as they stand', async () => {
    const told = await site.out('init')
    for (const name of [...SETTINGS, ...SCHEMAS]) {
      assert.match(told, new RegExp(`config/${name} +written`))
      assert.equal(config(name), sample(name))
    }
    assert.match(await site.out('status'), /policy file: +valid\nconfig file: +valid/)
  })

  it('opens no store: that is made by whom Haraka runs as', async () => {
    await site.out('init')
    assert.deepEqual(fs.readdirSync(site.dir), ['config'])
  })

  for (const name of SETTINGS)
    it(`leaves ${name} as it is`, async () => {
      site.write(`config/${name}`, '# ours\n')
      assert.match(await site.out('init'), new RegExp(`config/${name} +kept`))
      assert.equal(config(name), '# ours\n')
    })

  for (const name of SCHEMAS)
    it(`renews ${name} of another version`, async () => {
      site.write(`config/${name}`, '{}')
      assert.match(await site.out('init'), new RegExp(`config/${name} +renewed`))
      assert.equal(config(name), sample(name))
      assert.match(await site.out('init'), new RegExp(`config/${name} +kept`))
    })

  for (const { plugins, enabled } of [
    { plugins: null, enabled: false },
    { plugins: '# device-gate\nauth/flat_file\n', enabled: false },
    { plugins: 'auth/flat_file\ndevice-gate\n', enabled: true },
    { plugins: 'haraka-plugin-device-gate', enabled: true },
  ])
    it(`says that the plugin is ${enabled ? '' : 'not '}named in config/plugins: ${JSON.stringify(plugins)}`, async () => {
      if (plugins !== null) site.write('config/plugins', plugins)
      const told = JSON.parse(await site.out('init', '--json')) as { plugin_enabled: boolean }
      assert.equal(told.plugin_enabled, enabled)
      assert.equal((await site.out('init')).includes('add the line device-gate'), !enabled)
    })

  it('takes a directory without config/ for a mistake', async () => {
    fs.rmdirSync(site.file('config'))
    const { code, err } = await site.run('init')
    assert.match(err, /is no Haraka directory: there is no config\/ in it/)
    assert.equal(code, 2)
    assert.deepEqual(fs.readdirSync(site.dir), [])
  })
})
