import assert from 'node:assert/strict'

import { openEnvironment } from '../../src/lmdb/environment'
import { bucketOf, type Visit } from '../../src/journal/traffic'
import { CertificateAuthority } from '../support/certificates'
import { cliSites, record } from './site'

const ISSUER = ['--issuer', 'CN=Device CA,O=Example'] as const
const REASON = ['--reason', 'enrolled'] as const
const POLICY = 'mode: enforce\nmax_new_blocks: { percent: 100, count: 1 }\n'

interface Listed {
  readonly device: string
  readonly issuer: string
  readonly serial: string
}

describe('device-gate certificate', () => {
  const site = cliSites()
  const listed = async (): Promise<string[]> =>
    ((await site().json('certificate', 'list')) as Listed[]).map(
      ({ device, serial }) => `${device} ${serial}`,
    )
  const add = (device: string, serial: string, ...more: string[]): Promise<string> =>
    site().out('certificate', 'add', device, ...ISSUER, '--serial', serial, ...REASON, ...more)
  const newest = async (): Promise<{ kind: string; change: string; reason: string } | undefined> =>
    ((await site().json('policy', 'history')) as { kind: string; change: string; reason: string }[])[0]
  const cameBy = (...devices: string[]): Promise<void> =>
    site().traffic(
      ...devices.map((device): Visit => ({
        ...{ protocol: 'imap', user: 'anna@example.com', device, proof: 'certificate' },
        ...{ platformHint: null, bucket: bucketOf(Date.now()) },
      })),
    )

  describe('add', () => {
    it('registers one, as an order in the history', async () => {
      await site().out('device', 'put', record({ id: 'd-1' }))
      assert.equal(
        await add('d-1', '03:f2:9c'),
        'certificate 3F29C of CN=Device CA,O=Example leads to device d-1\n',
      )
      assert.deepEqual(await listed(), ['d-1 3F29C'])
      const entry = await newest()
      assert.deepEqual(
        [entry?.kind, entry?.change, entry?.reason],
        ['certificate', 'certificate 3F29C of device d-1 registered', 'enrolled'],
      )
      assert.match(await site().out('audit', 'verify'), /^the history is whole/)
    })
    it('of a device nobody reported yet: a note, since it may be a typing error', async () => {
      const { code, err } = await site().run(
        'certificate',
        'add',
        'd-9',
        ...ISSUER,
        '--serial',
        '1',
        ...REASON,
      )
      assert.match(err, /^note: device d-9 was never reported/)
      assert.equal(code, 0)
    })
    it('takes the certificate itself', async () => {
      const ca = new CertificateAuthority('Device CA')
      const { cert } = ca.device('d-1')
      const { serial, issuer } = (await site().json(
        'certificate',
        'add',
        'd-1',
        '--file',
        cert,
        ...REASON,
      )) as Listed
      assert.equal(issuer, 'CN=Device CA')
      assert.deepEqual(await listed(), [`d-1 ${serial}`])
      ca.remove()
    })
    it('of one that is there already, written in another way, is the same one', async () => {
      await add('d-1', '03f29c')
      await site().out(
        ...['certificate', 'add', 'd-1', '--issuer', 'O = Example, CN = device ca', '--serial', '0x3F29C'],
        ...REASON,
      )
      assert.deepEqual(await listed(), ['d-1 3F29C'])
    })

    const wrong: readonly (readonly [title: string, argv: readonly string[], err: RegExp])[] = [
      ['no number', ['d-1', ...ISSUER], /by --issuer NAME and --serial NUMBER, or by --file FILE/],
      ['a number twice', ['d-1', '--file', 'x', '--serial', '1'], /or by --file FILE/],
      ['no reason', ['d-1', ...ISSUER, '--serial', '1'], /say why/],
      ['an issuer that is none', ['d-1', '--issuer', 'Device CA', '--serial', '1'], /give the issuer as/],
      ['a decimal number', ['d-1', ...ISSUER, '--serial', '1.5'], /hexadecimal/],
      ['a device id with a line break', ['d\n1', ...ISSUER, '--serial', '1'], /a device id is text/],
    ]
    for (const [title, argv, err] of wrong)
      it(`${title}: refused, nothing is registered`, async () => {
        const reason = title === 'no reason' ? [] : REASON
        const answer = await site().run('certificate', 'add', ...argv, ...reason)
        assert.equal(answer.code, 2)
        assert.match(answer.err, err)
        assert.deepEqual(await listed(), [])
      })
    it('a file that is no certificate: refused', async () => {
      for (const [file, text] of [
        ['none.pem', 'no certificate'],
        ['large.pem', 'x'.repeat(70_000)],
      ] as const) {
        const { code, err } = await site().run(
          ...['certificate', 'add', 'd-1', '--file', site().write(file, text), ...REASON],
        )
        assert.match(err, /is no certificate in PEM or DER/)
        assert.equal(code, 1)
      }
    })
  })

  describe('import', () => {
    const HEADER = 'Device,Issuer,Serial\r\n'
    const imported = (text: string): ReturnType<ReturnType<typeof site>['run']> =>
      site().run('certificate', 'import', site().write('list.csv', text), ...REASON)

    it('takes what a device manager exports, and says it in one order', async () => {
      const { code, out } = await imported(
        'serial,name,device,issuer\n' +
          '03:F2:9C,"Anna’s phone",d-1,"CN=Device CA, O=""Example, Inc."""\n' +
          '04,,d-2,"CN=Device CA, O=Example"\n',
      )
      assert.deepEqual([code, out], [0, '2 registered, of 2 devices; 0 were there already\n'])
      assert.deepEqual(await listed(), ['d-1 3F29C', 'd-2 4'])
      assert.equal((await newest())?.change, '2 certificates registered')
    })
    it('again registers what is new', async () => {
      await imported(`${HEADER}d-1,CN=CA,1\r\n`)
      const { out } = await imported(`${HEADER}d-1,CN=CA,1\r\nd-2,CN=CA,2\r\n`)
      assert.equal(out, '1 registered, of 1 devices; 1 were there already\n')
    })
    it('takes standard input', async () => {
      const argv = ['certificate', 'import', '-', ...REASON]
      const { code } = await site().runWith([`${HEADER}d-1,`, 'CN=CA,1'], '-c', site().dir, ...argv)
      assert.equal(code, 0)
      assert.deepEqual(await listed(), ['d-1 1'])
    })
    it('of many is several orders, each of a hundred', async () => {
      const rows = Array.from({ length: 250 }, (_, i) => `d-${i},CN=CA,${i.toString(16)}\n`)
      await imported(HEADER + rows.join(''))
      assert.equal((await listed()).length, 250)
      const history = (await site().json('policy', 'history')) as { change: string }[]
      assert.deepEqual(
        history.map(({ change }) => change),
        ['50 certificates registered', '100 certificates registered', '100 certificates registered'],
      )
      assert.equal(await site().store((store) => store.sequence()), 3, 'workers are told once an order')
    })

    it('of a file that is not there: refused', async () => {
      const { code, err } = await site().run('certificate', 'import', 'nowhere.csv', ...REASON)
      assert.match(err, /nowhere\.csv cannot be read: it does not exist/)
      assert.equal(code, 1)
    })

    const bad: readonly (readonly [title: string, text: string, err: RegExp])[] = [
      ['an empty file', '', /it is empty: the columns are device, issuer, serial/],
      ['a header without serial', 'device,issuer\nd-1,CN=CA\n', /line 1: the header lacks serial/],
      ['a row that is short', `${HEADER}d-1,CN=CA\n`, /line 2: has 2 columns, fewer than the header/],
      [
        'an issuer that is cut by its commas',
        `${HEADER}d-1,CN=CA,O=Example,1\n`,
        /line 2: give the issuer as/,
      ],
      ['a decimal point', `${HEADER}d-1,CN=CA,1\nd-2,CN=CA,1.5\n`, /line 3: give the issuer as/],
      ['no device', `${HEADER},CN=CA,1\n`, /line 2: a device id is text of 1 to 256 characters/],
      ['a quote that does not end', `${HEADER}d-1,"CN=CA,1\n`, /line 2: /],
      [
        'one certificate twice',
        `${HEADER}d-1,CN=CA,1\nd-2,cn=ca,01\n`,
        /line 3: has a certificate of a line before; nothing was registered/,
      ],
    ]
    for (const [title, text, err] of bad)
      it(`${title}: refused, with the line, and nothing is registered`, async () => {
        const answer = await imported(text)
        assert.match(answer.err, err)
        assert.equal(answer.code, 1)
        assert.deepEqual(await listed(), [])
      })
  })

  describe('remove', () => {
    it('takes one away, or all of a device', async () => {
      for (const [device, serial] of [
        ['d-1', '1'],
        ['d-1', '2'],
        ['d-2', '3'],
        ['d-2', '4'],
      ] as const)
        await add(device, serial)
      await site().out('certificate', 'remove', ...ISSUER, '--serial', '03', ...REASON)
      assert.deepEqual(await listed(), ['d-1 1', 'd-1 2', 'd-2 4'])
      assert.equal((await newest())?.change, 'certificate 3 of device d-2 removed')
      await site().out('certificate', 'remove', '--device', 'd-1', ...REASON)
      assert.deepEqual(await listed(), ['d-2 4'])
      assert.equal((await newest())?.change, '2 certificates removed')
    })
    it('needs one that is there, named in one way, and a reason', async () => {
      await add('d-1', '1')
      const gone = await site().run('certificate', 'remove', ...ISSUER, '--serial', '2', ...REASON)
      assert.match(gone.err, /no such certificate is registered/)
      assert.equal(gone.code, 1)
      for (const argv of [REASON, ['--device', 'd-1', '--serial', '1', ...REASON], ['--device', 'd-1']])
        assert.equal((await site().run('certificate', 'remove', ...argv)).code, 2)
      assert.deepEqual(await listed(), ['d-1 1'])
    })
  })

  describe('the guard', () => {
    beforeEach(async () => {
      await site().applyPolicy(POLICY)
      for (let i = 0; i < 4; i += 1) await site().out('device', 'put', record({ id: `d-${i}` }))
      for (let i = 0; i < 4; i += 1) await add(`d-${i}`, String(i))
      await cameBy('d-0', 'd-1', 'd-2')
    })
    const file = (rows: string): string => site().write('list.csv', `device,issuer,serial\n${rows}`)

    it('counts the devices that came by a certificate within a week and have none left', async () => {
      await add('d-1', 'aa')
      await site().out('certificate', 'remove', '--device', 'd-0', ...REASON)
      await site().out('certificate', 'remove', '--device', 'd-3', ...REASON)
      await site().out('certificate', 'remove', ...ISSUER, '--serial', '1', ...REASON)
      assert.deepEqual(await listed(), ['d-1 AA', 'd-2 2'])
    })
    it('refuses to lead the certificates of many devices to others, whole, until the figure is confirmed', async () => {
      const moved = file('x,"CN=Device CA,O=Example",0\ny,"CN=Device CA,O=Example",1\n')
      const { code, err } = await site().run('certificate', 'import', moved, ...REASON)
      assert.match(
        err,
        /newly block 2 of 4 devices, max_new_blocks allows 1; nothing was changed.*--confirm 2\n$/,
      )
      assert.deepEqual([code, await listed()], [1, ['d-0 0', 'd-1 1', 'd-2 2', 'd-3 3']])
      await site().out('certificate', 'import', moved, ...REASON, '--confirm', '2')
      assert.deepEqual(await listed(), ['d-2 2', 'd-3 3', 'x 0', 'y 1'])
    })
    it('lets two devices that change theirs with one another pass', async () => {
      const swapped = file('d-1,"CN=Device CA,O=Example",0\nd-0,"CN=Device CA,O=Example",1\n')
      await site().out('certificate', 'import', swapped, ...REASON)
      assert.deepEqual(await listed(), ['d-0 1', 'd-1 0', 'd-2 2', 'd-3 3'])
    })
  })

  it('that is damaged is named, and written again by adding it', async () => {
    await add('d-1', 'a')
    const environment = openEnvironment(site().file('var', 'replica'), { schema: 1 })
    const notes = environment.database('notes')
    const [name = ''] = [...notes.getKeys({})].map(String)
    await environment.write(() => void notes.put(name, '{'))
    await environment.close()
    const { code, err } = await site().run('certificate', 'list')
    assert.match(err, new RegExp(`notes/${name}: .*certificate add writes it again`))
    assert.equal(code, 1)
    await add('d-1', 'a')
    assert.deepEqual(await listed(), ['d-1 A'])
  })

  it('list: of a device, and of a site without any', async () => {
    assert.equal(await site().out('certificate', 'list'), 'no certificates\n')
    await add('d-1', 'a')
    await add('d-2', 'b')
    const text = await site().out('certificate', 'list', '--device', 'd-2')
    assert.match(text, /^device +serial +issuer +registered\nd-2 +B +CN=Device CA,O=Example +\S+Z\n$/)
  })
})
