import assert from 'node:assert/strict'
import fc from 'fast-check'

import { CompressRequest } from '../../src/imap/compress-request'

/** What a client sent so far, and whether it now waits for its stream to be compressed. */
const STREAMS: readonly (readonly [sent: string, asks: boolean])[] = [
  ['a COMPRESS DEFLATE\r\n', true],
  ['a1 compress deflate\r\n', true],
  ['a COMPRESS DEFLATE\n', true],
  ['a COMPRESS "DEFLATE"\r\n', true],
  ['a COMPRESS  DEFLATE \r\n', true],
  ['a NOOP\r\nb COMPRESS DEFLATE\r\n', true],
  ['a IDLE\r\nDONE\r\nb COMPRESS DEFLATE\r\n', true],
  ['a APPEND INBOX {20}\r\na COMPRESS DEFLATE\r\n', true],
  ['a NOOP\r\n', false],
  ['a IDLE\r\n', false],
  ['a COMPRESS DEFLATE', false],
  ['a COMPRESS GZIP\r\n', false],
  ['a SEARCH TEXT "COMPRESS DEFLATE"\r\n', false],
  ['a SEARCH TEXT NOCOMPRESS DEFLATE\r\n', false],
  ['a COMPRESS DEFLATE\r\nb NOOP\r\n', false],
  ['', false],
]

describe("a client's request for compression", () => {
  for (const [sent, asks] of STREAMS) {
    it(`${asks ? 'is seen' : 'is not seen'} in ${JSON.stringify(sent)}, however it comes in pieces`, () => {
      fc.assert(
        fc.property(fc.array(fc.nat(sent.length)), (cuts) => {
          const places = [...new Set([0, ...cuts, sent.length])].sort((a, b) => a - b)
          const request = new CompressRequest()
          const answers = places
            .slice(1)
            .map((end, i) => request.take(Buffer.from(sent.slice(places[i], end))))
          // What lies before the last line may be taken for one while it is the last.
          assert.equal(answers.at(-1) ?? false, asks)
        }),
      )
    })
  }

  it('is seen behind megabytes of anything else', () => {
    const request = new CompressRequest()
    for (let i = 0; i < 40; i += 1) assert.equal(request.take(Buffer.alloc(65_536, 'x')), false)
    assert.equal(request.take(Buffer.from('\r\na COMPRESS DEFLATE\r\n')), true)
  })
})
