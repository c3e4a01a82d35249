import assert from 'node:assert/strict'

import { fitted } from '../../src/cli/fitted'
import { jsonLine, table } from '../../src/cli/output'
import { hasColour, paint, rendered, widthOf } from '../../src/cli/paint'
import { blockEntry, cliSites, record } from './site'

// eslint-disable-next-line no-control-regex -- these are what begins a colour
const ESCAPES = /\x1b\[\d+m/g

describe('whether there is colour', () => {
  const cases: readonly (readonly [
    title: string,
    env: Record<string, string>,
    terminal: boolean,
    colour: boolean,
  ])[] = [
    ['on a terminal', {}, true, true],
    ['not in a pipe', {}, false, false],
    ['not where NO_COLOR is set', { NO_COLOR: '1' }, true, false],
    ['where NO_COLOR is empty', { NO_COLOR: '' }, true, true],
    ['in a pipe where it is forced', { FORCE_COLOR: '1' }, false, true],
    ['where it is forced against NO_COLOR', { FORCE_COLOR: '1', NO_COLOR: '1' }, false, true],
    ['not where FORCE_COLOR says so', { FORCE_COLOR: '0' }, true, false],
    ['not on a terminal that has none', { TERM: 'dumb' }, true, false],
  ]
  for (const [title, env, terminal, colour] of cases)
    it(title, () => assert.equal(hasColour(env, terminal), colour))
})

describe('a painted text', () => {
  it('has the same width, and without colour is the text', () => {
    const text = paint('red', 'block')
    assert.equal(widthOf(text), 5)
    assert.equal(rendered(text, false), 'block')
    assert.equal(rendered(text, true), '\x1b[31mblock\x1b[39m')
  })

  it('leaves the columns of a table where they are', () => {
    const rows = [
      [{ text: 'block', style: 'red' }, 'x'],
      ['a longer one', 'y'],
    ] as const
    assert.equal(
      rendered(table(['is', 'of'], rows), true).replace(ESCAPES, ''),
      'is            of\nblock         x\na longer one  y\n',
    )
  })

  it('is nothing that others can write: in a cell a mark is no mark, in JSON it is escaped', () => {
    const evil = paint('red', 'x')
    assert.doesNotMatch(rendered(table(['name'], [[evil]]), true).split('\n')[1] ?? '', ESCAPES)
    assert.deepEqual(JSON.parse(rendered(jsonLine({ evil }), true)), { evil })
  })
})

describe('a command on a terminal', () => {
  const site = cliSites()
  beforeEach(async () => {
    await site().applyPolicy('mode: enforce')
    await site().out('device', 'put', record({ evidence_at: new Date().toISOString() }))
    await site().journal(blockEntry())
    site().colour = true
  })

  const commands: readonly (readonly string[])[] = [
    ['why', 'anna-phone'],
    ['blocks'],
    ['blocked'],
    ['status'],
    ['device', 'list'],
  ]
  for (const argv of commands)
    it(`${argv.join(' ')}: in colour it says the same`, async () => {
      const coloured = await site().out(...argv)
      assert.match(coloured, ESCAPES)
      const plain = await site().out(...argv, '--no-color')
      assert.doesNotMatch(plain, ESCAPES)
      assert.equal(coloured.replace(ESCAPES, ''), plain)
      assert.equal(await site().out('--no-color', ...argv), plain)
    })

  it('as JSON it has none', async () => {
    assert.doesNotMatch(await site().out('why', 'anna-phone', '--json'), ESCAPES)
  })

  it('a block is red', async () => {
    assert.ok((await site().out('blocks')).includes('\x1b[31mblock\x1b[39m'))
  })
})

describe('a table on a terminal', () => {
  const ROWS = [
    ['d-1', { text: 'block', style: 'red' }, 'the reason is told in several words, and one is aVeryLongOne'],
    ['d-2', 'allow', 'none'],
  ] as const
  const on = (width: number, rows: Parameters<typeof table>[1] = ROWS): string[] =>
    rendered(fitted(`before\n${table(['id', 'is', 'why'], rows)}after\n`, width), false).split('\n')

  it('stays as it is where it fits', () => {
    assert.deepEqual(
      on(80),
      rendered(`before\n${table(['id', 'is', 'why'], ROWS)}after\n`, false).split('\n'),
    )
  })

  it('goes on in further lines, between words, where a cell is too long', () => {
    assert.deepEqual(on(40), [
      'before',
      'id   is     why',
      'd-1  block  the reason is told in',
      '            several words, and one is',
      '            aVeryLongOne',
      'd-2  allow  none',
      'after',
      '',
    ])
  })

  it('breaks a name that has no blank, and leaves nothing of it out', () => {
    const name = 'x'.repeat(320)
    const lines = on(60, [[name, 'allow', 'y'.repeat(100)]])
    assert.ok(lines.every((line) => line.length <= 60))
    assert.equal(lines.join('').replace(/[^x]/g, ''), name)
  })

  it('tells each row by itself where there is no room for all columns', () => {
    assert.deepEqual(on(24), [
      'before',
      'id:  d-1',
      'is:  block',
      'why: the reason is told in several words, and one is aVeryLongOne',
      '',
      'id:  d-2',
      'is:  allow',
      'why: none',
      'after',
      '',
    ])
  })

  it('stays where it is indented', () => {
    const text = table(['id', 'why'], [['d-1', 'the reason is told in several words']]).replace(/^/gm, '  ')
    const lines = rendered(fitted(text, 30), false).split('\n')
    assert.deepEqual(lines, ['  id   why', '  d-1  the reason is told in', '       several words', '  '])
  })

  it('keeps its styles', () => {
    const cells = [['d-1', { text: 'a word and another word that is long', style: 'red' }, 'x']] as const
    const shown = rendered(fitted(table(['id', 'is', 'why'], cells), 30), true)
    assert.ok(shown.includes('\x1b[31ma word and another\x1b[39m'), shown)
    assert.ok(shown.includes('\x1b[31mword that is long\x1b[39m'), shown)
  })
})
