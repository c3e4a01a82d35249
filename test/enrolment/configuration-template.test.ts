import assert from 'node:assert/strict'
import fc from 'fast-check'

import { fillTemplate, type Placeholder } from '../../src/enrolment/configuration-template'

const PLACEHOLDERS: Readonly<Record<string, Placeholder>> = {
  user: { value: 'anna@example.com' },
  login: { value: 'anna@example.com#d-1.MAC' },
  name: { value: 'Anna "A" \\ ${user} $& $1' },
  imap_host: { missing: '--imap' },
}

const fill = (template: string): unknown => JSON.parse(fillTemplate(template, PLACEHOLDERS))

describe('a template of a managed configuration', () => {
  const filled: Readonly<Record<string, readonly [template: object, expected: object]>> = {
    'fills in texts, wherever they stand': [
      { a: '${login}', b: { c: ['x', 'to ${user} and ${user}'] } },
      { a: 'anna@example.com#d-1.MAC', b: { c: ['x', 'to anna@example.com and anna@example.com'] } },
    ],
    'leaves numbers, booleans, null and what is empty as they are': [
      { l: '${login}', port: 993, ssl: true, none: null, list: [], map: {}, text: '' },
      {
        l: 'anna@example.com#d-1.MAC',
        port: 993,
        ssl: true,
        none: null,
        list: [],
        map: {},
        text: '',
      },
    ],
    'leaves keys alone': [
      { '${user}': '${login}', 'com.example.User': 'x' },
      { '${user}': 'anna@example.com#d-1.MAC', 'com.example.User': 'x' },
    ],
    'does not look again at what it put in, and takes it as it is': [
      { l: '${login}', n: '${name}' },
      { l: 'anna@example.com#d-1.MAC', n: 'Anna "A" \\ ${user} $& $1' },
    ],
    'takes a dollar and a brace alone for themselves': [
      { l: '${login}', t: '$5 {user} $user } $$' },
      { l: 'anna@example.com#d-1.MAC', t: '$5 {user} $user } $$' },
    ],
  }
  for (const [name, [template, expected]] of Object.entries(filled))
    it(name, () => assert.deepEqual(fill(JSON.stringify(template)), expected))

  it('keeps a key that is called as an object’s own parts are', () =>
    assert.match(fillTemplate('{"__proto__": "${login}"}', PLACEHOLDERS), /"__proto__": "anna@/))

  const refused: Readonly<Record<string, readonly [template: string, message: RegExp]>> = {
    'an unknown placeholder, with its place': [
      '{"a": {"b c": [1, {"d": "x ${password}"}]}}',
      /^a\["b c"\]\[1\]\.d: \$\{password\} stands for nothing; known: \$\{user\}, \$\{login\}, \$\{name\}, \$\{imap_host\}$/,
    ],
    'a placeholder that is called as an object’s own parts are': [
      '{"a": "${constructor}"}',
      /^a: \$\{constructor\} stands for nothing/,
    ],
    'one with blanks': ['{"a": "${ user }"}', /^a: \$\{ user \} stands for nothing/],
    'one in capitals': ['{"a": "${USER}"}', /^a: \$\{USER\} stands for nothing/],
    'one of an option that was not given': ['{"a": "${imap_host}"}', /^a: \$\{imap_host\} needs --imap$/],
    'one without an end': ['{"a": "x ${user"}', /^a: a placeholder has no end/],
    'a configuration without the tag': ['{"a": "${user}"}', /has no \$\{login\}/],
    'a tag in a key only': ['{"${login}": 1}', /has no \$\{login\}/],
    'what is no JSON': ['{"a": }', /^is no JSON: /],
    'a list': ['["${login}"]', /^must be a JSON object$/],
    'a text': ['"${login}"', /^must be a JSON object$/],
    nothing: ['null', /^must be a JSON object$/],
    'a pit': [`{"a": ${'['.repeat(10_000)}${']'.repeat(10_000)}}`, /nested deeper than 50 levels/],
  }
  for (const [name, [template, message]] of Object.entries(refused))
    it(`refuses ${name}`, () => assert.throws(() => fillTemplate(template, PLACEHOLDERS), { message }))

  it('gives what has no placeholder back as it was', () =>
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })), (template) => {
        fc.pre(!JSON.stringify(template).includes('${'))
        const text = JSON.stringify({ ...template, login: '${login}' })
        assert.deepEqual(fill(text), { ...JSON.parse(text), login: 'anna@example.com#d-1.MAC' })
      }),
    ))
})
