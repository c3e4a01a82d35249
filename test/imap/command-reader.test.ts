import assert from 'node:assert/strict'
import fc from 'fast-check'

import { CommandReader, type ReaderEvent } from '../../src/imap/command-reader'
import { OctetQueue } from '../../src/imap/octet-queue'

const LIMITS = { line: 300, literal: 500 }

/** A Buffer that nobody else has a view of, as sockets give them. */
const own = (octets: Buffer): Buffer => {
  const copy = Buffer.alloc(octets.length)
  octets.copy(copy)
  return copy
}

/** What an event says, as text: it must outlast the event's Buffers. */
const told = (event: ReaderEvent): string =>
  JSON.stringify(event, (_key, value: unknown) => (isJsonBuffer(value) ? hexOf(value.data) : value))
const isJsonBuffer = (value: unknown): value is { data: number[] } =>
  typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer'
const hexOf = (data: number[]): string => Buffer.from(data).toString('latin1')

/** Reads as a session does: asks for a SASL response behind AUTHENTICATE, forgets each event, stops at the end. */
function read(pieces: readonly Buffer[], reader = new CommandReader(() => LIMITS)): string[] {
  const events: string[] = []
  for (const piece of pieces) {
    reader.push(own(piece))
    for (let event = reader.next(); event; event = reader.next()) {
      events.push(told(event))
      if (event.kind === 'fatal') return events
      if (event.kind === 'command' && event.name === 'AUTHENTICATE') reader.expectLine()
      reader.forget()
    }
  }
  return events
}

/** `octets` cut at `cuts`, anywhere and as often as one likes. */
function cut(octets: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((at) => at % (octets.length + 1)))].sort((a, b) => a - b)
  return [0, ...places].map((from, i) => octets.subarray(from, places[i] ?? octets.length))
}

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')
const octet = fc.integer({ min: 0, max: 255 })
const octets = fc.array(octet, { maxLength: 40 }).map((values) => Buffer.from(values))
const word = fc.stringMatching(/^[A-Za-z0-9.@!#$&'*+/=?^_`|~-]{1,12}$/).map(latin1)
const quoted = octets.map((text) => latin1(`"${text.toString('latin1').replace(/["\\]/g, '\\$&')}"`))
const literal = fc
  .tuple(octets, fc.constantFrom('', '+'))
  .map(([text, plus]) => Buffer.concat([latin1(`{${text.length}${plus}}\r\n`), text]))
const hugeLiteral = fc.constantFrom('{501}\r\n', '{501+}\r\n', '{9999999999999999}\r\n').map(latin1)
const argument = fc.oneof(
  { weight: 4, arbitrary: fc.oneof(word, quoted, literal) },
  fc.oneof(octets, hugeLiteral),
)
const command = fc
  .tuple(
    word,
    fc.constantFrom('LOGIN', 'ID', 'noop', 'AUTHENTICATE', 'X(', ''),
    fc.array(argument, { maxLength: 6 }),
  )
  .map(([tag, name, args]) =>
    Buffer.concat([tag, latin1(` ${name}`), ...args.flatMap((each) => [latin1(' '), each]), latin1('\r\n')]),
  )
const stream = fc
  .array(fc.oneof({ weight: 5, arbitrary: command }, octets), { maxLength: 8 })
  .map((parts) => Buffer.concat(parts))

describe('the command reader', () => {
  it('gives the same events however the octets are cut', () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(), { maxLength: 30 }), (text, cuts) => {
        const whole = read([text])
        assert.deepEqual(read(cut(text, cuts)), whole)
        assert.deepEqual(read([...text].map((value) => Buffer.from([value]))), whole)
      }),
      { numRuns: 1000 },
    )
  })

  it('never throws and never holds more than a line or a literal, whatever comes', () => {
    const anything = fc.array(fc.oneof(stream, octets, fc.constant(Buffer.alloc(200, 'x'))), {
      maxLength: 20,
    })
    fc.assert(
      fc.property(anything, (pieces) => {
        const reader = new CommandReader(() => LIMITS)
        for (const piece of pieces) {
          if (read([piece], reader).some((event) => event.includes('"fatal"'))) return
          assert.ok(reader.waiting <= LIMITS.literal + 1, `holds ${reader.waiting} octets`)
        }
      }),
      { numRuns: 1000 },
    )
  })

  let unique = 100_000
  const forms: Readonly<Record<string, (password: string) => string>> = {
    'an atom': (password) => `a LOGIN anna ${password}`,
    'a quoted string': (password) => `a LOGIN anna "${password.replace('-', '\\"')}"`,
    'a literal': (password) => `a LOGIN {4+}\r\nanna {${password.length}+}\r\n${password}`,
    'an initial response': (password) => `a AUTHENTICATE PLAIN ${password}`,
    'a SASL response': (password) => `a AUTHENTICATE PLAIN\r\n${password}`,
    'a malformed command': (password) => `a LOGIN anna ${password}"`,
  }
  for (const [form, commandWith] of Object.entries(forms)) {
    it(`overwrites a password that came as ${form}, and nothing else`, () => {
      const rest = 'b NOOP\r\nc SELECT "correct horse"\r\n'
      fc.assert(
        fc.property(fc.array(fc.nat(), { maxLength: 8 }), (cuts) => {
          // A new one each time: memory that is not cleared may hold those of before.
          unique += 1
          const password = `${unique}correct-horse${unique}`
          const text = latin1(`${commandWith(password)}\r\n${rest}`)
          const reader = new CommandReader(() => LIMITS)
          // Every piece of memory that the octets of the password ever were in.
          const memory = new Set<ArrayBufferLike>()
          let over = false
          for (const piece of cut(text, cuts).map(own)) {
            memory.add(piece.buffer)
            reader.push(piece)
            while (!over) {
              const event = reader.next()
              if (!event) break
              if (event.kind === 'command')
                for (const arg of event.args) if ('value' in arg) memory.add(arg.value.buffer)
              if (event.kind === 'line') memory.add(event.line.buffer)
              over = form !== 'a SASL response' || event.kind === 'line'
              if (!over) reader.expectLine()
              reader.forget()
            }
          }
          assert.equal(reader.takeRest().toString('latin1'), rest)
          for (const buffer of memory) {
            const left = Buffer.from(buffer).toString('latin1')
            assert.ok(!left.includes(`${unique}cor`) && !left.includes(`rse${unique}`))
          }
        }),
      )
    })
  }

  it('overwrites what it still holds when its session ends', () => {
    const piece = own(latin1('a LOGIN anna {30+}\r\ncorrect-horse'))
    const reader = new CommandReader(() => LIMITS)
    reader.push(piece)
    assert.equal(reader.next(), undefined)
    reader.discard()
    assert.ok(piece.every((value) => value === 0 || value === 13 || value === 10))
  })

  it('takes a flood of single octets in linear time', () => {
    // Copying all that is there for each octet would be 500 GB.
    const queue = new OctetQueue()
    const flood = 1_000_000
    for (let i = 0; i < flood; i += 1) queue.push(Buffer.from([i & 127 || 1]))
    while (queue.lineEnd() >= 0) queue.take(queue.lineEnd() + 1)
    assert.ok(queue.length < 256)
  })

  it('waits for the octets of a literal before it reads on, also when they look like a command', () => {
    assert.deepEqual(read([latin1('a ID ({9+}\r\nb NOOP\r\n\n "x")\r\n')]), [
      told({
        kind: 'command',
        tag: 'a',
        name: 'ID',
        args: [
          { kind: '(' },
          { kind: 'string', value: latin1('b NOOP\r\n\n') },
          { kind: 'string', value: latin1('x') },
          { kind: ')' },
        ],
      }),
    ])
  })
})
