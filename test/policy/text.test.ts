import assert from 'node:assert/strict'

import { mandateText, reasonText, replyText, unseenText } from '../../src/policy/text'

const DEADLINE = Date.parse('2020-07-10T23:59:00-07:00')

describe('the text for a person', () => {
  const cases: [name: string, given: string, told: string][] = [
    ['plain words', 'Remove the app', 'Remove the app'],
    ['line ends that would end the reply', 'one\r\n* BYE two\n250 three', 'one * BYE two 250 three'],
    ['other white space and line ends', '\tone\u2028two\u2029three\u00a0four\v', 'one two three four'],
    ['NUL, escape and delete', 'a\u0000b\u001bc\u007fd', 'a?b?c?d'],
    ['a response code', '[UNAVAILABLE] no mail', '(UNAVAILABLE) no mail'],
    ['a literal', 'no mail {5}', 'no mail (5)'],
    ['wide brackets, which NFKD makes plain ones', '\uff3bALERT\uff3d \uff5b5\uff5d', '(ALERT) (5)'],
    ['accents', 'Zugang gesperrt für Gerät', 'Zugang gesperrt fur Gerat'],
    ['letters that ASCII lacks', '拒否 ß 🙂', '?? ? ?'],
  ]
  for (const [name, given, told] of cases) it(`tames ${name}`, () => assert.equal(replyText(given), told))

  it('fits into a reply line', () => {
    assert.equal(replyText('x'.repeat(440)), 'x'.repeat(440))
    assert.equal(replyText('x'.repeat(441)), `${'x'.repeat(437)}...`)
    assert.equal(replyText('ﷺ'.repeat(240)).length, 440)
  })

  it('is the sentence of the reason, and whom to ask', () => {
    assert.equal(
      reasonText('noncompliant', 'Ask Bob'),
      'This device does not meet company requirements. Ask Bob',
    )
    assert.equal(reasonText('noncompliant', ''), 'This device does not meet company requirements.')
  })

  it('has room for the longest message of a mandate that nobody can see, and for whom to ask', () => {
    const text = unseenText('m'.repeat(240), DEADLINE, 'c'.repeat(120))
    assert.match(text, /^m{240} \(by .* UTC\)\. Nobody can see on this device if that is done\. c{120}$/)
  })

  it("is the mandate's message, with the deadline in UTC while it is to come", () => {
    assert.equal(
      mandateText('Remove it', DEADLINE, 'Ask Bob'),
      'Remove it (by 2020-07-11 06:59 UTC). Ask Bob',
    )
    assert.equal(mandateText('Remove it', null, 'Ask Bob'), 'Remove it. Ask Bob')
  })

  it('ends its sentence once, however the message ends', () => {
    assert.equal(mandateText('Remove it!', null, 'Ask Bob'), 'Remove it! Ask Bob')
    assert.equal(mandateText('Remove it. ', null, 'Ask Bob'), 'Remove it. Ask Bob')
    assert.equal(mandateText('Remove it.', DEADLINE, ''), 'Remove it (by 2020-07-11 06:59 UTC).')
  })
})
