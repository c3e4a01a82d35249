import assert from 'node:assert/strict'
import fc from 'fast-check'

import { ResponseBoundary } from '../../src/imap/response-boundary'

/** Whole responses as servers send them; a boundary lies behind each and nowhere else. */
const RESPONSES: readonly [name: string, response: string][] = [
  ['an untagged number', '* 23 EXISTS\r\n'],
  ['a tagged OK', 'a1 OK FETCH completed\r\n'],
  ['a tagged text that ends like a literal', 'a1 NO no such box {3}\r\n'],
  ['an untagged text that ends like a literal', '* OK [ALERT] use {12}\r\n'],
  ['the same in lower case', '* bye see {4}\r\n'],
  ['a greeting that ends like a literal', '* PREAUTH box {4}\r\n'],
  ['a continuation that ends like a literal', '+ go on {7}\r\n'],
  ['a literal', '* 1 FETCH (BODY[] {5}\r\nab\r\nc)\r\n'],
  ['an empty literal', '* 1 FETCH (BODY[] {0}\r\n)\r\n'],
  ['a literal8', '* 1 FETCH (BINARY[1] ~{4}\r\n\0\r\n{)\r\n'],
  ['two literals', '* 1 FETCH (BODY[1] {2}\r\n\r\n BODY[2] {3}\r\n{9} UID 4)\r\n'],
  ['a literal that looks like responses', '* 2 FETCH (BODY[] {24}\r\n* BYE\r\na1 OK {99999}\r\n+)\r\n'],
  ['a literal that ends the response', '* LIST () "/" {3}\r\nbox\r\n'],
  ['a quoted string with a brace', '* LIST () "/" "box {5}"\r\n'],
  ['a brace that is no literal', '* LIST () "/" box{x}\r\n'],
  ['an empty brace', '* LIST () "/" box{}\r\n'],
  ['a long line', `* SEARCH ${'12345 '.repeat(40)}\r\n`],
  ['a lone LF', '* 3 EXPUNGE\n'],
  ['a literal behind a lone LF', '* 1 FETCH (BODY[] {2}\nab)\n'],
  ['a short line', '+\r\n'],
]

describe('where one IMAP response ends and the next begins', () => {
  for (const [name, response] of RESPONSES) {
    it(`is known behind ${name}, and not within it`, () => {
      const octets = Buffer.from(response, 'latin1')
      for (let cut = 1; cut < octets.length; cut += 1) {
        const boundary = new ResponseBoundary()
        assert.equal(boundary.take(octets.subarray(0, cut)), -1, `cut at ${cut}`)
        assert.equal(boundary.atBoundary, false, `cut at ${cut}`)
        assert.equal(boundary.take(octets.subarray(cut)), octets.length - cut, `cut at ${cut}`)
        assert.equal(boundary.atBoundary, true, `cut at ${cut}`)
      }
    })
  }

  it('is the same however the stream is cut into chunks', () => {
    const stream = fc.array(fc.constantFrom(...RESPONSES.map(([, response]) => response)), { maxLength: 12 })
    fc.assert(
      fc.property(stream, fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1 }), (responses, sizes) => {
        const octets = Buffer.from(responses.join(''), 'latin1')
        const ends = new Set<number>()
        let end = 0
        for (const response of responses) ends.add((end += response.length))

        const boundary = new ResponseBoundary()
        let at = 0
        for (let i = 0; at < octets.length; i += 1) {
          const size = Math.max(sizes[i % sizes.length] ?? 1, i % sizes.length === 0 ? 1 : 0)
          const chunk = octets.subarray(at, at + size)
          const expected = [...ends].filter((e) => e > at && e <= at + chunk.length).at(-1)
          assert.equal(boundary.take(chunk), expected === undefined ? -1 : expected - at)
          at += chunk.length
          assert.equal(boundary.atBoundary, at === 0 || ends.has(at))
        }
      }),
    )
  })

  it('takes any octets without a fault', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 })), (chunks) => {
        const boundary = new ResponseBoundary()
        for (const chunk of chunks) boundary.take(Buffer.from(chunk))
      }),
    )
  })
})
