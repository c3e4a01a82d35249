import assert from 'node:assert/strict'
import fc from 'fast-check'

import { formatProblem } from '../../src/config/config-problem'
import { parseHostConfig } from '../../src/config/host-config-file'
import { parsePolicy } from '../../src/config/policy-file'

const POLICY = 'device_gate_policy.yaml'

/** What is wrong with a policy text, as an operator reads it; nothing when it is taken. */
function problemsOf(text: string): string[] {
  const parsed = parsePolicy(text, { file: POLICY })
  return parsed.ok ? [] : parsed.problems.map((problem) => formatProblem(problem).replace(`${POLICY}:`, ''))
}

const MANDATE = `mode: enforce
mandates:
  - id: ID
    finding: FINDING
    platforms: [ios]
    deadline: 2026-07-10T23:59:00-07:00
    message: MESSAGE
`
function mandate(change: { id?: string; finding?: string; message?: string }) {
  const { id = 'm', finding = 'app:f', message = 't' } = change
  const text = MANDATE.replace('ID', () => id)
    .replace('FINDING', () => finding)
    .replace('MESSAGE', () => message)
  const parsed = parsePolicy(text, { file: POLICY })
  assert.ok(parsed.ok, problemsOf(text).join('\n'))
  const [first] = parsed.policy.mandates
  assert.ok(first)
  return first
}

describe('YAML as people write it', () => {
  describe('text stays text', () => {
    it('off is the mode off, not the boolean that YAML 1.1 made of it', () => {
      const parsed = parsePolicy('mode: off', { file: POLICY })
      assert.ok(parsed.ok)
      assert.equal(parsed.policy.mode, 'off')
    })
    it('so it is where the file calls itself YAML 1.1', () => {
      const parsed = parsePolicy('%YAML 1.1\n---\nmode: off', { file: POLICY })
      assert.ok(parsed.ok)
      assert.equal(parsed.policy.mode, 'off')
    })
    for (const word of ['yes', 'no', 'on', 'off', 'y', 'n', 'NO', '2026-07-10', '12:30:45', '1_000'])
      it(`${word} is text`, () => assert.equal(mandate({ message: word }).message, word))
    for (const number of ['007', '12345678901234567890', '0x1F', '1e3', '1.10', '+15550100', '-0'])
      it(`${number}, where text is meant, is the text as it was written`, () => {
        const asId = number.replace('+', '').replace('-', '')
        const { id, message } = mandate({ id: asId, message: number })
        assert.deepEqual({ id, message }, { id: asId, message: number })
      })
    it('any number that can be written, in or out of a list', () => {
      fc.assert(
        fc.property(fc.oneof(fc.integer(), fc.bigInt(), fc.double({ noNaN: true })), (number) => {
          assert.equal(mandate({ message: String(number) }).message, String(number))
        }),
      )
    })
    it('and where a number is meant, text is refused', () => {
      assert.deepEqual(problemsOf('mode: off\nmax_new_blocks: { count: "50" }'), [
        '2:19 max_new_blocks.count: must be a whole number (found "50")',
      ])
    })
  })

  describe('other editors', () => {
    const taken: readonly (readonly [title: string, text: string])[] = [
      ['a byte order mark', '\ufeffmode: off\n'],
      ['CRLF', 'mode: off\r\nunknown: block\r\n'],
      ['no line end at the end', 'mode: off'],
      ['a tab between key and value', 'mode:\toff\n'],
      ['a document mark', '---\nmode: off\n...\n'],
      ['anchors and aliases', 'mode: off\nstale: &s { after: 7d, action: warn }\nmax_new_blocks: {}\n'],
      ['JSON', '{"mode": "off", "unknown": "block"}'],
    ]
    for (const [title, text] of taken) it(`${title}: taken`, () => assert.deepEqual(problemsOf(text), []))
  })

  describe('what cannot be taken is told with its place', () => {
    const refused: readonly (readonly [title: string, text: string, ...problems: string[]])[] = [
      ['an empty file', '', '1:1 is empty'],
      ['a file of blanks', ' \n\n', '1:1 is empty'],
      ['comments only', '# nothing yet\n', '1:1 the key "mode" is missing'],
      ['a list', '- mode: off', '1:1 must be a mapping (found [{"mode":"off"}])'],
      ['a text', 'hello', '1:1 must be a mapping (found "hello")'],
      [
        'two documents',
        'mode: off\n---\nmode: off\n',
        '2:1 mode: a second document begins here; one file is one document',
      ],
      [
        'a tab as indentation',
        'mode: off\nstale:\n\tafter: 7d\n',
        '3:1 stale: Tabs are not allowed as indentation',
      ],
      [
        'a key given twice',
        'mode: off\nunknown: warn\nmode: enforce\n',
        '3:1 mode: is there twice; keep one',
      ],
      [
        'a nested key given twice',
        'mode: off\nstale:\n  after: 7d\n  after: 8d\n',
        '4:3 stale.after: is there twice; keep one',
      ],
      [
        'an unclosed list',
        'mode: off\nmandates: [',
        '2:12 mandates: Flow sequence in block collection must be sufficiently indented and end with a ]',
      ],
      ['an unclosed quote', 'mode: off\ncontact: "Help\n', '3:1 contact: Missing closing "quote'],
      [
        'a colon in plain text',
        'mode: off\ncontact: Help: desk\n',
        '2:10 contact.Help: has a colon in its text, or is indented too far; put quotes around the text',
      ],
      [
        'a key without a value',
        'mode: off\nstale:\n',
        '2:1 stale: has no value; give it one, or take the key out',
      ],
      [
        'a mapping without values',
        'mode: off\nstale:\n  # after: 7d\nunknown: warn\n',
        '2:1 stale: has no value; give it one, or take the key out',
      ],
      ['a boolean', 'mode: true', '1:1 mode: must be one of off, monitor, enforce (found true)'],
      ['a custom tag', 'mode: !secret mode', '1:7 mode: Unresolved tag: !secret'],
      [
        'a tag of another language',
        'mode: !!js/function off',
        '1:7 mode: Unresolved tag: tag:yaml.org,2002:js/function',
      ],
      [
        'a merge key',
        'mode: off\n<<: { unknown: block }',
        '2:1 <<: unknown key; known here: mode, max_new_blocks, unknown, stale, noncompliant, grace, contact, groups, apps, mandates, tests',
      ],
      [
        'a key of another object model',
        'mode: off\n__proto__: { mode: off }',
        '2:1 __proto__: unknown key; known here: mode, max_new_blocks, unknown, stale, noncompliant, grace, contact, groups, apps, mandates, tests',
      ],
      [
        'a list as a key',
        '? [mode]\n: off\n',
        '1:1 the key "mode" is missing',
        '1:1 [ mode ]: unknown key; known here: mode, max_new_blocks, unknown, stale, noncompliant, grace, contact, groups, apps, mandates, tests',
      ],
      [
        'an alias of nothing',
        'mode: *mode',
        '1:1 Unresolved alias (the anchor must be set before the alias): mode; write the values out',
      ],
      [
        'an alias inside its anchor',
        'mode: off\nmandates: &m [*m]',
        '2:15 mandates[0]: an alias may not stand inside its own anchor',
      ],
      [
        'an escape sequence',
        'mode: off\ncontact: \x1b[31mred',
        '2:10 has a control character here (U+001B); take it out',
      ],
      [
        'a control character of one octet more',
        'mode: off # \u009b1m',
        '1:13 has a control character here (U+009B); take it out',
      ],
      [
        'Latin-1',
        Buffer.from('mode: off # caf\xe9', 'latin1').toString('utf8'),
        '1:16 is not UTF-8 text from here on; save it as UTF-8',
      ],
      [
        'UTF-16',
        Buffer.from('\ufeffmode: off', 'utf16le').toString('utf8'),
        '1:1 is not UTF-8 text from here on; save it as UTF-8',
      ],
    ]
    for (const [title, text, ...problems] of refused) {
      it(title, () => {
        assert.deepEqual(problemsOf(text).sort(), problems.sort())
      })
    }
  })

  describe('a hostile or runaway file is bounded', () => {
    it('a bomb of aliases', () => {
      const levels = Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}, *a${i}]`)
      const [problem] = problemsOf(`mode: off\na0: &a0 [x, x]\n${levels.join('\n')}\n`)
      assert.match(problem ?? '', /^1:1 Excessive alias count/)
    })
    it('more than 1 MiB', () => {
      assert.deepEqual(problemsOf(`mode: off\n#${'x'.repeat(1024 * 1024)}`), [
        '1:1 is larger than 1048576 octets',
      ])
    })
    it('just under 1 MiB is read', () => {
      assert.deepEqual(problemsOf(`mode: off\n#${'x'.repeat(1024 * 1024 - 11)}`), [])
    })
    // Each of them ended the process, not only the reading: the parser calls itself for each level.
    const DEEP: Readonly<Record<string, string>> = {
      brackets: `mode: off\ncontact: ${'['.repeat(100_000)}`,
      'brackets that are closed': `mode: off\ncontact: ${'['.repeat(20_000)}${']'.repeat(20_000)}`,
      mappings: `mode: off\ncontact: ${'{a: '.repeat(10_000)}1${'}'.repeat(10_000)}`,
      braces: `mode: off\ncontact: ${'{'.repeat(20_000)}`,
      'lists in lists': `${'- '.repeat(20_000)}x`,
      'keys of keys': `${'? '.repeat(20_000)}x`,
      lines: Array.from({ length: 1000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'),
    }
    for (const [what, text] of Object.entries(DEEP))
      it(`nested as deep as may be written: ${what}`, () => {
        const problems = problemsOf(text)
        assert.equal(problems.length, 1)
        assert.match(problems[0] ?? '', /^\d+:\d+ is nested too deep here; write it flatter$/)
      })
    it('brackets in a text, however many', () => {
      assert.deepEqual(problemsOf(`mode: off\ncontact: "${'[{-'.repeat(38)}"\n`), [])
    })
    it('more than a hundred aliases, each of which is looked for from the beginning', () => {
      const [problem] = problemsOf(`mode: &a off\n${Array.from({ length: 101 }, () => '- *a\n').join('')}`)
      assert.equal(problem, '102:3 has more than 100 aliases; write the values out')
    })
    it('a thousand faults: the first twenty, and how many more', () => {
      const text = `mode: off\n${Array.from({ length: 1000 }, (_, i) => `key${i}: 1\n`).join('')}`
      const problems = problemsOf(text)
      assert.equal(problems.length, 21)
      assert.equal(problems.at(-1), '1:1 has 980 more problems')
    })
    it('a long value: its beginning', () => {
      const [problem] = problemsOf(`mode: ${'x'.repeat(5000)}`)
      assert.ok((problem?.length ?? 0) < 200)
    })
    it('any text at all: a policy or problems, never a throw', () => {
      const words = [
        'mode',
        'off',
        ': ',
        '- ',
        '[',
        ']',
        '{',
        '}',
        '&a ',
        '*a',
        '"',
        "'",
        '\n',
        '  ',
        '\t',
        '#',
        '|',
        '!x ',
        '? ',
        'é',
        '\0',
      ]
      fc.assert(
        fc.property(
          fc.array(fc.oneof(fc.constantFrom(...words), fc.string()), { maxLength: 30 }),
          (parts) => {
            const text = parts.join('')
            const parsed = parsePolicy(text, { file: POLICY })
            if (parsed.ok) return
            assert.ok(parsed.problems.length > 0)
            const lines = text.split('\n').length
            for (const { line, column } of parsed.problems) {
              assert.ok(line >= 1 && line <= lines + 1, `line ${line} of ${lines}`)
              assert.ok(column >= 1)
            }
          },
        ),
        { numRuns: 500 },
      )
    })
  })

  it('a secret is not shown in a problem', () => {
    const text = 'store: { redis: { url: "http://:hunter2@redis.example.com/" } }'
    const reading = parseHostConfig(text, { file: 'device_gate.yaml', harakaDir: '/nowhere' })
    assert.ok(!reading.ok)
    assert.deepEqual(reading.problems.map(formatProblem), [
      'device_gate.yaml:1:19 store.redis.url: must be one of redis://[user:password@]host[:port][/db], ' +
        'redis+sentinel://host[:port],.../service[/db] or redis+cluster://host[:port],... (rediss for TLS)',
    ])
  })
})
