import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'

import { Dialogue } from '../support/dialogue'
import { Dovecot } from '../support/dovecot'
import { eventually } from '../support/eventually'
import { HarakaSite } from '../support/haraka-site'

const ANNA = 'anna@example.com'
const BEN = 'ben@example.com'
const PASSWORD = 'secret'

/** In this mandate's order of devices Anna's phone stands at 17.6 %, Ben's at 66.2 %. */
const policy = (stages: string, mode = 'block'): string => `mode: enforce
mandates:
  - id: banned
    mode: ${mode}
    finding: "app:com.example.banned"
    platforms: [ios, android]
    warn_from: 2020-01-01T00:00:00Z
    deadline: 2020-02-01T00:00:00Z
    stages: ${stages}
    message: "Remove the banned app"
`
const HALF = '[{ percent: 50, from: 2020-02-01T00:00:00Z }]'
const ALL = '[{ percent: 50, from: 2020-02-01T00:00:00Z }, { percent: 100, from: 2020-02-02T00:00:00Z }]'

const device = (id: string, owner: string, platform: string): string =>
  JSON.stringify({
    id,
    owners: [owner],
    platform,
    state: 'compliant',
    findings: ['app:com.example.banned'],
    evidence_at: new Date().toISOString(),
    source: 'mdm',
    version: 1,
  })

describe('a mandate that begins with half of the devices', () => {
  let dovecot: Dovecot
  let site: HarakaSite

  before(async () => {
    dovecot = await Dovecot.start({ users: { [ANNA]: PASSWORD, [BEN]: PASSWORD } })
    site = await HarakaSite.create({ nodes: 2, policy: policy(HALF), upstreamPort: dovecot.port })
    await site.run('tag', 'rotate')
    await site.start()
    await site.run('device', 'put', device('anna-phone', ANNA, 'ios'))
    await site.run('device', 'put', device('anna-laptop', ANNA, 'macos'))
    await site.run('device', 'put', device('ben-phone', BEN, 'ios'))
  })
  after(async () => {
    await site.remove()
    await dovecot.remove()
  })

  /** What a client is answered at its login. */
  async function login(user: string, deviceId: string): Promise<string> {
    const dialogue = await Dialogue.connect(site.imapPort)
    try {
      await dialogue.line()
      return await dialogue.ask(`a LOGIN ${await site.tag(user, deviceId)} ${PASSWORD}`, /^a /)
    } finally {
      dialogue.close()
    }
  }
  const edit = (text: string): void => {
    fs.writeFileSync(path.join(site.dir, 'config', 'device_gate_policy.yaml'), text)
  }

  it('blocks the device that the stage reaches, warns the other, and leaves the laptop alone', async () => {
    assert.match(await login(ANNA, 'anna-phone'), /^a NO \[CONTACTADMIN\] Remove the banned app\. \(\w{8}\)/m)
    const ben = await login(BEN, 'ben-phone')
    assert.match(ben, /^\* OK \[ALERT\] Remove the banned app\. \(\w{8}\)/m)
    assert.match(ben, /^a OK /m)
    const laptop = await login(ANNA, 'anna-laptop')
    assert.match(laptop, /^a OK /m)
    assert.doesNotMatch(laptop, /ALERT/)
  })

  it('shows by the traffic of today whom the next stage would cut off', async () => {
    const draft = path.join(site.dir, 'draft.yaml')
    fs.writeFileSync(draft, policy(ALL))
    await eventually(async () => {
      const out = await site.run('policy', 'what-if', draft, '--replay', '1h', '--json')
      const { cut_off } = JSON.parse(out) as { cut_off: { user: string; device: string; rule: string }[] }
      assert.deepEqual(
        cut_off.map(({ user, device, rule }) => [user, device, rule]),
        [[BEN, 'ben-phone', 'banned']],
      )
    })
  })

  it('keeps the one blocked and takes the other in when the share grows', async () => {
    edit(policy(ALL))
    await eventually(async () => assert.match(await login(BEN, 'ben-phone'), /^a NO \[CONTACTADMIN\]/m))
    assert.match(await login(ANNA, 'anna-phone'), /^a NO \[CONTACTADMIN\]/m)
  })

  it('shows nobody anything when it is made silent, and notes it', async () => {
    edit(policy(ALL, 'silent'))
    for (const [user, id] of [
      [ANNA, 'anna-phone'],
      [BEN, 'ben-phone'],
    ] as const)
      await eventually(async () => {
        const answer = await login(user, id)
        assert.match(answer, /^a OK /m)
        assert.doesNotMatch(answer, /ALERT/)
      })
    await eventually(async () => {
      const lines = (await site.run('blocks', '--user', BEN, '--json')).trim().split('\n')
      const noted = lines.map(
        (line) => JSON.parse(line) as { outcome: string; enforced: boolean; rule: string },
      )
      assert.ok(
        noted.some(({ outcome, enforced, rule }) => outcome === 'block' && !enforced && rule === 'banned'),
      )
    })
  })
})
