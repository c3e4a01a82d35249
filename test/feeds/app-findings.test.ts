import assert from 'node:assert/strict'

import { readSettings } from '../../src/config/settings'
import { appFindings, appProblems, APPS_SETTING, wantedApps } from '../../src/feeds/app-findings'
import { formatDeviceRecord, parseDeviceRecord } from '../../src/devices/record'
import { record } from '../devices/samples'

const SCHEMA = { type: 'object', properties: APPS_SETTING }
const UNSEEN = ['unseen:app']

describe('findings about installed apps', () => {
  for (const [name, apps, installed, findings] of [
    ['an app that is there', 'com.a', ['com.a', 'com.b'], ['app:com.a']],
    ['none of them', 'com.a', ['com.b'], []],
    ['no app at all', 'com.a', [], []],
    ['a case that differs, written as wanted', 'Com.A', ['cOM.a'], ['app:Com.A']],
    ['two, in the same order always', 'com.b,com.a', ['com.b', 'com.a', 'com.b'], ['app:com.a', 'app:com.b']],
    ['a part of an id only', 'com.a', ['com.a.b', 'com', 'xcom.a'], []],
    [
      'a name of the catalogue by its id',
      'TikTok',
      ['com.zhiliaoapp.musically'],
      ['app:com.zhiliaoapp.musically'],
    ],
    ['a name of the catalogue where the manager knows names', 'tiktok', ['TikTok'], ['app:tiktok']],
    ['a name with spaces', 'TikTok Lite', ['tiktok lite'], ['app:TikTok Lite']],
    ['apps that cannot be seen', 'com.a', null, UNSEEN],
    ['nobody asked', undefined, ['com.a'], UNSEEN],
    ['nobody asked, and nothing seen', undefined, null, UNSEEN],
  ] as const)
    it(`tell ${name}`, () => {
      const reading = readSettings(SCHEMA, apps === undefined ? {} : { apps })
      assert.ok(reading.ok)
      assert.deepEqual(appProblems(reading.value), [])
      assert.deepEqual(appFindings(wantedApps(reading.value), installed ?? [], installed !== null), findings)
    })

  for (const [name, apps, problem] of [
    ['a name that is almost one', 'com.a,tiktokk', /tiktokk is no name .* did you mean tiktok\?/],
    ['an empty one', 'com.a,', /apps\.1: must be the id or the name of an app/],
    ['one that is too long', 'a'.repeat(129), /apps\.0: /],
    ['a line end', 'com.a\nx', /apps\.0: /],
    ['one twice', 'com.a,com.a', /duplicate/],
    ['too many', Array.from({ length: 201 }, (_, i) => `com.a${i}`).join(','), /200/],
    [
      'names that stand for too many',
      ['tiktok', ...Array.from({ length: 199 }, (_, i) => `com.a${i}`)].join(','),
      /at most 200/,
    ],
  ] as const)
    it(`are not looked for by ${name}`, () => {
      const reading = readSettings(SCHEMA, { apps })
      assert.match((reading.ok ? appProblems(reading.value) : reading.problems).join('; '), problem)
    })

  it('fit into a record, whatever is installed', () => {
    const reading = readSettings(SCHEMA, {
      apps: Array.from({ length: 200 }, (_, i) => `${i}`.padEnd(128, 'a')).join(','),
    })
    assert.ok(reading.ok)
    const wanted = wantedApps(reading.value)
    const findings = appFindings(wanted, wanted.keys(), true)
    assert.equal(findings.length, 200)
    assert.ok(parseDeviceRecord({ ...formatDeviceRecord(record()), findings }).ok)
  })
})
