import assert from 'node:assert/strict'
import fs from 'node:fs'

import { blockEntry, cliSites, record } from './site'

/** What makes a terminal do something: C0 but tab and line end, DEL, C1, line separators, marks that reorder text. */
// eslint-disable-next-line no-control-regex -- these are exactly the characters to look for
const ACTIVE = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/u

const EVIL = [
  '\x1b]0;owned\x07', // sets the window's title
  '\x1b[2J\x1b[31m', // clears the screen, goes red
  '\u009b31m', // the same by one C1 character
  '\r\x7f\b', // overwrites the line
  '\u202egnp.exe\u2069', // reads backwards
  '\u2028x', // a line of its own
].join('')
/** The part of it that a device record may have: control characters are refused at the door. */
const EVIL_IN_RECORD = '\u202egnp.exe\u2069\u200f'

describe('nothing that others wrote makes the terminal do something', () => {
  const site = cliSites()

  beforeEach(async () => {
    await site().applyPolicy('mode: enforce')
    const change = {
      id: `d-${EVIL_IN_RECORD}`,
      owners: [`a${EVIL_IN_RECORD}@example.com`],
      findings: [EVIL_IN_RECORD],
      source: EVIL_IN_RECORD,
    }
    await site().out('device', 'put', record(change))
    await site().journal(
      blockEntry({ user: `a${EVIL}`, device: EVIL, rule: EVIL, remote: EVIL, decision: 'VAZFRT1J' }),
    )
    await site().out('lock', 'add', '--device', `d-${EVIL_IN_RECORD}`, '--reason', EVIL)
    await site().out('mode', 'enforce', '--reason', EVIL)
  })

  const commands: readonly (readonly [title: string, ...argv: string[]])[] = [
    ['status', 'status'],
    ['mode', 'mode'],
    ['device get', 'device', 'get', `d-${EVIL_IN_RECORD}`],
    ['device get of what there is not', 'device', 'get', `x${EVIL_IN_RECORD}`],
    ['device get of no text', 'device', 'get', EVIL],
    ['device list', 'device', 'list'],
    ['device put of no JSON', 'device', 'put', EVIL],
    ['device put of a mistyped field', 'device', 'put', JSON.stringify({ [EVIL]: 1 })],
    ['why a device', 'why', `d-${EVIL_IN_RECORD}`],
    ['why a user', 'why', `a${EVIL_IN_RECORD}@example.com`],
    ['why a decision', 'why', 'VAZFRT1J'],
    ['why nothing', 'why', EVIL],
    ['blocks', 'blocks'],
    ['blocked', 'blocked'],
    ['lock list', 'lock', 'list'],
    ['policy check of a file by such a name', 'policy', 'check', EVIL],
    ['tag verify', 'tag', 'verify', EVIL],
    ['a command by such a name', EVIL],
    ['an option by such a name', 'status', `--${EVIL}`],
  ]
  for (const [title, ...argv] of commands) {
    for (const json of [[], ['--json']])
      it([title, ...json].join(' '), async () => {
        const { out, err } = await site().run(...argv, ...json)
        assert.ok(out !== '' || err !== '')
        assert.doesNotMatch(out, ACTIVE)
        assert.doesNotMatch(err, ACTIVE)
      })
  }

  it('import: a bad line, in a file by such a name', async () => {
    const file = site().write(`${EVIL.replaceAll('/', '')}.ndjson`, `${EVIL}\n{"id":"${EVIL_IN_RECORD}"}\n`)
    const { err } = await site().run('device', 'import', file)
    assert.equal(err.split('\n').length, 3, 'two problems, a line each')
    assert.doesNotMatch(err, ACTIVE)
  })
  it('policy check: a file with such text', async () => {
    const { err } = await site().run('policy', 'check', site().write('draft.yaml', `mode: ${EVIL}`))
    assert.doesNotMatch(err, ACTIVE)
  })
  it('JSON keeps the text itself: only its form is safe', async () => {
    const [device] = (await site().lines('device', 'list')) as { source: string }[]
    assert.equal(device?.source, EVIL_IN_RECORD)
  })
  it('as JSON each answer is one line, whatever is in it', async () => {
    assert.equal((await site().out('blocks', '--json')).split('\n').length, 2)
    assert.equal((await site().out('why', 'VAZFRT1J', '--json')).split('\n').length, 2)
  })
  it('(the text is really there)', () => assert.match(EVIL, ACTIVE))
  it('(and no file was made by such a name)', () => assert.ok(!fs.existsSync(site().file(EVIL))))
})
