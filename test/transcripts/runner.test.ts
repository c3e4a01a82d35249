import assert from 'node:assert/strict'
import net from 'node:net'

import { connectChannel } from './runner/channel'
import { play, type Setup } from './runner/play'
import { parseTranscript } from './runner/transcript'

/** Says hello with a number, gives back each line twice, and goes on `quit` with an unasked word. */
const echo = net.createServer((socket) => {
  socket.on('error', () => undefined)
  socket.write('hello 4711\r\n')
  socket.on('data', (octets) => {
    const text = octets.toString('latin1')
    if (text === 'quit\r\n') socket.end('word\r\n')
    else socket.write(`${text}${text}`)
  })
})

const setup: Setup = () =>
  Promise.resolve({
    patterns: { number: '\\d+' },
    compute: (placeholder, seen) => (seen.get(placeholder.replace('twice ', '')) ?? '?').repeat(2),
    open: () => connectChannel((echo.address() as net.AddressInfo).port),
    close: () => undefined,
  })

const run = (text: string): Promise<void> =>
  play(parseTranscript(`# title\n${text}`, 'a.txt'), 'a.txt', setup)

describe('the transcript runner', () => {
  before((done) => void echo.listen(0, '127.0.0.1', done))
  after((done) => void echo.close(done))

  const passing: Readonly<Record<string, string>> = {
    'lines and octets': 'S: hello 4711\nC: a\nS: a\nS- a\\x0d\\x0a',
    'escapes and base64': 'S: hello 4711\nC: {{base64 \\x00ab}}\nS: AGFi\nS: {{base64 \\x00ab}}',
    'base64 of line ends': 'S: hello 4711\nC: {{base64 a\\x0d\\x0a}}\nS: YQ0K\nS: YQ0K',
    repetition: 'S: hello 4711\nC: {{ab * 3}}\nS: ababab\nS: {{ab * 3}}',
    'regex and names': 'S: {{/h.*o/}} {{number}}\nC: 4711\nS: {{number}}\nS: 4711',
    'texts seen and made': 'S: hello {{number}}\nC: {{number}} {{twice number}}\nS: 4711 47114711\nS: {{number}} 47114711',
    'two connections': 'S: hello 4711\nS2: hello 4711\nC2: b\nS2: b\nS2: b',
    'lines in a row in one packet': 'S: hello 4711\nC: a\nC: b\nS: a\nS: b\nS: a\nS: b',
    'the other side closes': 'S: hello 4711\nC: quit\nS: word\nS! close',
  }
  for (const [name, text] of Object.entries(passing)) it(`plays ${name}`, () => run(text))

  const failing: Readonly<Record<string, readonly [string, RegExp]>> = {
    'another line': ['S: hello 4712', /a\.txt:2: expected hello 4712\n {2}got {6}hello 4711/],
    'another text for a known name': ['S: hello {{number}}\nC: 4712\nS: {{number}}', /a\.txt:4: expected/],
    'an unasked word': ['S: hello 4711\nC: a\nS: a', /behind the last line: .*got "a\\r\\n"/],
    'an unasked word before the end': ['S: hello 4711\nC: quit\nS! close', /a\.txt:4: .*got "word/],
    'an end instead of a line': ['S: hello 4711\nC: quit\nS: word\nS: more', /a\.txt:5: .*connection ended/],
    'an unknown placeholder': ['S: hello {{what}}', /\{\{what\}\} is no placeholder here/],
    'a line ended by LF alone': ['S: hello 4711\nC- a\\x0a\nS: a', /lone LF/],
  }
  for (const [name, [text, error]] of Object.entries(failing)) {
    it(`fails on ${name}`, () => assert.rejects(run(text), error))
  }

  const malformed: Readonly<Record<string, readonly [string, RegExp]>> = {
    'a line of no known form': ['# t\nX: a', /f\.txt:2: not a line/],
    'a setting in mid-dialogue': ['# t\nC: a\nwith b c', /f\.txt:3: "with" must come before/],
    'no title': ['C: a', /f\.txt: begin with a comment/],
  }
  for (const [name, [text, error]] of Object.entries(malformed)) {
    it(`refuses a file with ${name}`, () => assert.throws(() => parseTranscript(text, 'f.txt'), error))
  }
})
