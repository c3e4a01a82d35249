import assert from 'node:assert/strict'

import { ANNA, cliSites, record } from './site'

const PHONE: unknown = JSON.parse(record({ evidence_at: '2026-11-20T08:00:00.000Z' }))
const LAPTOP = { id: 'anna-laptop', platform: 'macos', state: 'compliant', findings: [] }

describe('device-gate device', () => {
  const site = cliSites()

  describe('put', () => {
    it('writes a record, and says so', async () => {
      assert.equal(await site().out('device', 'put', record()), 'device anna-phone: applied\n')
      assert.deepEqual(await site().json('device', 'get', 'anna-phone'), PHONE)
    })
    it('the same again: unchanged', async () => {
      await site().out('device', 'put', record())
      assert.deepEqual(await site().json('device', 'put', record()), {
        id: 'anna-phone',
        status: 'unchanged',
      })
    })
    it('from standard input, in whatever pieces it comes', async () => {
      const [first, second] = [record().slice(0, 50), record().slice(50)]
      const { code, out } = await site().runWith([first, second], '-c', site().dir, 'device', 'put', '-')
      assert.deepEqual({ code, out }, { code: 0, out: 'device anna-phone: applied\n' })
    })
    it('an older version of the same source: refused, and what stands is told', async () => {
      await site().out('device', 'put', record())
      const { code, err } = await site().run('device', 'put', record({ version: 6, state: 'compliant' }))
      assert.equal(
        err,
        'device-gate: the record was not written: source mdm already said version 7 with evidence of 2026-11-20T08:00:00Z, which is newer\n',
      )
      assert.equal(code, 1)
      assert.deepEqual(await site().json('device', 'get', 'anna-phone'), PHONE)
    })
    const bad: readonly (readonly [title: string, text: string, told: RegExp])[] = [
      ['no JSON', '{"id":', /the record is no JSON: /],
      ['no record', '[]', /the record was not written: not an object/],
      [
        'a mistyped field',
        record({ stat: 'compliant' }),
        /the record was not written: unknown field "stat"; known: id, owners/,
      ],
      [
        'an unknown state',
        record({ state: 'fine' }),
        /the record was not written: state: "fine" is none of compliant/,
      ],
      [
        'a time without a zone',
        record({ evidence_at: '2026-11-20T08:00:00' }),
        /the record was not written: evidence_at: /,
      ],
    ]
    for (const [title, text, told] of bad) {
      it(`${title}: refused`, async () => {
        const { code, err } = await site().run('device', 'put', text)
        assert.match(err, told)
        assert.equal(code, 1)
      })
    }
    it('endless standard input: refused', async () => {
      const input = Array.from({ length: 20 }, () => 'x'.repeat(100_000))
      const { code, err } = await site().runWith(input, '-c', site().dir, 'device', 'put', '-')
      assert.match(err, /standard input is longer than 1048576 octets: one record is meant/)
      assert.equal(code, 1)
    })
  })

  describe('get', () => {
    it('tells people', async () => {
      await site().out('device', 'put', record())
      assert.match(
        await site().out('device', 'get', 'anna-phone'),
        new RegExp(
          [
            'id:       anna-phone',
            'owners:   anna@example\\.com',
            'platform: ios',
            'state:    noncompliant',
            'findings: app:x',
            'evidence: 2026-11-20T08:00:00Z \\(-?\\d+[smhd] ago\\)',
            'source:   mdm, version 7\n$',
          ].join('\n'),
        ),
      )
    })
    it('a device nobody reported: refused', async () => {
      assert.equal((await site().run('device', 'get', 'x')).code, 1)
    })
  })

  describe('list', () => {
    beforeEach(async () => {
      await site().out('device', 'put', record())
      await site().out('device', 'put', record(LAPTOP))
      await site().out(
        'device',
        'put',
        record({ id: 'ben-phone', owners: ['ben@example.com'], platform: 'android' }),
      )
    })
    const ids = async (...options: string[]): Promise<unknown[]> =>
      (await site().lines('device', 'list', ...options)).map((device) => (device as { id: string }).id)

    it('all, in the order of their ids', async () => {
      assert.deepEqual(await ids(), ['anna-laptop', 'anna-phone', 'ben-phone'])
    })
    it('as records that can be imported again', async () => {
      const [, phone] = await site().lines('device', 'list')
      assert.deepEqual(phone, PHONE)
    })
    it('of an owner, however the name is written; of a platform; in a state; at most so many', async () => {
      assert.deepEqual(await ids('--owner', 'Anna@Example.COM'), ['anna-laptop', 'anna-phone'])
      assert.deepEqual(await ids('--owner', 'carol@example.com'), [])
      assert.deepEqual(await ids('--platform', 'android'), ['ben-phone'])
      assert.deepEqual(await ids('--state', 'noncompliant'), ['anna-phone', 'ben-phone'])
      assert.deepEqual(await ids('--owner', ANNA, '--state', 'noncompliant'), ['anna-phone'])
      assert.deepEqual(await ids('--limit', '2'), ['anna-laptop', 'anna-phone'])
    })
    it('tells people, and that there are more', async () => {
      const [headings, ...rows] = (await site().out('device', 'list', '--limit', '2')).split('\n')
      assert.match(headings ?? '', /^id +owners +platform +state +evidence +findings$/)
      assert.match(rows[0] ?? '', /^anna-laptop +anna@example\.com +macos +compliant +-?\d+[smhd]$/)
      assert.equal(rows[2], '... and more: see them with --limit COUNT or --json')
      assert.doesNotMatch(await site().out('device', 'list', '--limit', '3'), /and more/)
      assert.equal(await site().out('device', 'list', '--platform', 'linux'), 'no devices\n')
    })
    it('--json leaves none out, where a table stops at 1000', async () => {
      const lines = Array.from({ length: 1500 }, (_, i) => record({ id: `x-${String(i).padStart(4, '0')}` }))
      await site().out('device', 'import', site().write('fleet.ndjson', lines.join('\n')))
      assert.equal((await ids()).length, 1503)
      assert.match(await site().out('device', 'list'), /\.\.\. and more/)
    })
  })

  describe('import', () => {
    const lines = `${record()}\n${record({ id: 'bad', state: 'fine' })}\n${record(LAPTOP)}\n`

    it('takes what it can, tells the bad lines by number, and ends with 0', async () => {
      const file = site().write('fleet.ndjson', lines)
      const { code, out, err } = await site().run('device', 'import', file)
      assert.equal(out, '2 applied, 0 unchanged, 0 refused as older, 1 bad\n')
      assert.equal(err, 'fleet.ndjson:2 state: "fine" is none of compliant, noncompliant, grace, unknown\n')
      assert.equal(code, 0)
    })
    it('as JSON', async () => {
      const summary = await site().json('device', 'import', site().write('fleet.ndjson', lines))
      assert.deepEqual(summary, {
        lines: 3,
        applied: 2,
        unchanged: 0,
        refused: 0,
        bad: 1,
        problems: [{ line: 2, problem: 'state: "fine" is none of compliant, noncompliant, grace, unknown' }],
        refusals: [],
      })
    })
    it('--strict: one bad line refuses all', async () => {
      const { code, out, err } = await site().run(
        'device',
        'import',
        '--strict',
        site().write('fleet.ndjson', lines),
      )
      assert.match(
        err,
        /^fleet\.ndjson:2 state: .*\ndevice-gate: nothing was imported: 1 bad lines, and --strict was given\n$/,
      )
      assert.deepEqual({ code, out }, { code: 1, out: '' })
      assert.deepEqual(await site().lines('device', 'list'), [])
    })
    it('CSV, by the name of the file or by --format', async () => {
      const csv = `id,owners,platform,state,findings,evidence_at,source,version\nd-1,${ANNA},ios,compliant,,2026-11-20T08:00:00Z,mdm,1\n`
      assert.match(await site().out('device', 'import', site().write('fleet.CSV', csv)), /^1 applied/)
      assert.match(
        await site().out('device', 'import', site().write('fleet.txt', csv), '--format', 'csv'),
        /^0 applied, 1 unchanged/,
      )
    })
    it('from standard input', async () => {
      const { out, err } = await site().runWith(
        [lines.slice(0, 90), lines.slice(90)],
        '-c',
        site().dir,
        'device',
        'import',
        '-',
      )
      assert.match(out, /^2 applied/)
      assert.match(err, /^standard input:2 state/)
    })
    it('a second time: unchanged; an older one: refused, told by number', async () => {
      await site().out('device', 'import', site().write('fleet.ndjson', record()))
      assert.match(
        await site().out('device', 'import', site().file('fleet.ndjson')),
        /^0 applied, 1 unchanged/,
      )
      const { code, out, err } = await site().run(
        'device',
        'import',
        site().write('old.ndjson', record({ version: 6 })),
      )
      assert.match(out, /^0 applied, 0 unchanged, 1 refused as older/)
      assert.match(err, /^old\.ndjson:1 version: 6 .* is older than what mdm said before, version 7/)
      assert.equal(code, 0)
    })
    it('a file that is not there: refused', async () => {
      const { code, err } = await site().run('device', 'import', site().file('nowhere'))
      assert.match(err, /nowhere cannot be read: ENOENT/)
      assert.equal(code, 1)
    })
    it('a directory: refused', async () => {
      const { code, err } = await site().run('device', 'import', site().dir)
      assert.match(err, /EISDIR|is a directory/)
      assert.equal(code, 1)
    })
    it('a file with a name like markup does not break the report', async () => {
      const { err } = await site().run('device', 'import', site().write('a:b 1.ndjson', 'x'))
      assert.match(err, /^a:b 1\.ndjson:1 /)
    })
  })

  describe('forget', () => {
    it('makes a device unknown', async () => {
      await site().out('device', 'put', record())
      assert.deepEqual(await site().json('device', 'forget', 'anna-phone'), { forgotten: 'anna-phone' })
      const { code, err } = await site().run('device', 'forget', 'anna-phone')
      assert.deepEqual(
        { code, err },
        { code: 1, err: 'device-gate: no device anna-phone was ever reported\n' },
      )
    })
  })
})
