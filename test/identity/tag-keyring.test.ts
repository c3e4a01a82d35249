import assert from 'node:assert/strict'
import fc from 'fast-check'

import { formatKeyring, parseKeyring, rotateKeyring, type TagKeyring } from '../../src/identity/tag-keyring'

const NOW = Date.parse('2026-11-20T08:00:00Z')
const SECRET = 'A'.repeat(43)
const LINE = `AB ${SECRET} 2026-11-20T08:00:00.000Z`

function ringOf(count: number): TagKeyring {
  let ring: TagKeyring = []
  for (let i = 0; i < count; i += 1) ring = rotateKeyring(ring, NOW + i) ?? assert.fail('full')
  return ring
}

describe('the keys of device tags', () => {
  it('are read as they were written, whatever their number', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 16 }), (count) => {
        const ring = ringOf(count)
        assert.deepEqual(parseKeyring(formatKeyring(ring)), { keys: ring, problems: [] })
      }),
      { numRuns: 40 },
    )
  })
  it('are 256 random bits each, the newest in front', () => {
    const [second, first] = ringOf(2)
    assert.ok(first && second)
    assert.equal(first.secret.length, 32)
    assert.notDeepEqual(first.secret, second.secret)
    assert.deepEqual([second.createdAt, first.createdAt], [NOW + 1, NOW])
  })

  describe('in a file that other tools have touched', () => {
    for (const [how, text] of [
      ['comments and blank lines', `# by hand\n\n  \n${LINE}\n# end\n`],
      ['CRLF', `${LINE}\r\n`],
      ['a byte order mark', `\ufeff# heading\n${LINE}\n`],
      ['no line end at the end', LINE],
      ['blanks around a line', `  ${LINE}  \n`],
    ] as const)
      it(how, () => {
        const { keys, problems } = parseKeyring(text)
        assert.deepEqual(problems, [])
        assert.deepEqual(
          keys.map(({ id, createdAt }) => ({ id, createdAt })),
          [{ id: 'AB', createdAt: NOW }],
        )
      })
  })

  describe('a bad line is named, its key is not shown, and the others stand', () => {
    const FORM = 'is not of the form "id key created"; restore the file from its backup'
    for (const [how, line, problem] of [
      ['cut short', LINE.slice(0, 30), FORM],
      ['a key too short', LINE.replace(SECRET, SECRET.slice(1)), FORM],
      ['a key too long', LINE.replace(SECRET, `${SECRET}A`), FORM],
      ['an id of three characters', `X${LINE}`, FORM],
      ['no time', LINE.slice(0, 46), FORM],
      ['a time that no calendar has', LINE.replace('-20T', '-45T'), FORM],
      ['a word', 'hello', FORM],
      ['the id of another', LINE.replace('AB', 'ZZ'), 'has the id of a line before; remove one'],
    ] as const)
      it(how, () => {
        const good = LINE.replace('AB', 'ZZ')
        const { keys, problems } = parseKeyring(`# keys\n${good}\n${line}\n`)
        assert.deepEqual(
          keys.map(({ id }) => id),
          ['ZZ'],
        )
        assert.deepEqual(problems, [{ line: 3, problem }])
      })
    it('a seventeenth key', () => {
      const lines = Array.from({ length: 17 }, (_, i) => LINE.replace('AB', `K${i.toString(36)}`))
      const { keys, problems } = parseKeyring(lines.join('\n'))
      assert.equal(keys.length, 16)
      assert.deepEqual(problems, [{ line: 17, problem: 'is one key more than 16; remove the oldest' }])
    })
  })
})
