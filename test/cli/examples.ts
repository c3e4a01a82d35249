import { blockEntry, CliSite, record } from './site'

const POLICY = `# The order of 6 July, and what else holds here.
mode: enforce
contact: "Help desk: +1 555 0100"
mandates:
  - id: tiktok-2020-07
    finding: "app:com.zhiliaoapp.musically"
    platforms: [ios, android]
    warn_from: 2020-07-06T00:00:00-07:00
    deadline: 2020-07-10T23:59:00-07:00
    message: "Remove TikTok from this phone to go on using company email"
`

const STRICTER_TESTS = `tests:
  - { device: { platform: ios, state: grace }, at: 2020-07-08T00:00:00-07:00, expect: block }
  - { device: { platform: windows, findings: ["app:com.zhiliaoapp.musically"] }, at: 2020-07-11T00:00:00-07:00, expect: allow }
`

/** The site of the examples in docs/cli.md: three people, five devices, one order. */
async function exampleSite(): Promise<CliSite> {
  const site = new CliSite()
  site.write('config/device_gate_policy.yaml', POLICY)
  await site.applyPolicy(POLICY, Date.now(), { author: 'policy file', reason: 'read at start' })
  const evidence_at = new Date(Date.now() - 7_200_000).toISOString()
  const devices = [
    { id: 'anna-iphone', owners: ['anna@example.com'], state: 'compliant', findings: [] },
    { id: 'anna-laptop', owners: ['anna@example.com'], platform: 'macos', state: 'compliant', findings: [] },
    {
      id: 'carol-iphone',
      owners: ['carol@example.com'],
      state: 'compliant',
      findings: ['app:com.zhiliaoapp.musically'],
    },
    {
      id: 'erin-pixel',
      owners: ['erin@example.com'],
      platform: 'android',
      state: 'noncompliant',
      findings: [],
    },
  ]
  site.write('fleet.ndjson', devices.map((device) => `${record({ ...device, evidence_at })}\n`).join(''))
  await site.out('device', 'import', site.file('fleet.ndjson'))
  site.write(
    'more.ndjson',
    `${record({ id: 'ben-pixel', owners: ['ben@example.com'], platform: 'android', state: 'grace', findings: [], evidence_at })}\n${record({ id: 'ben-tablet', state: 'fine' })}\n`,
  )
  site.write(
    'draft.yaml',
    POLICY.replace('platforms', 'platform').replace('-07:00\n    message', '\n    message'),
  )
  site.write(
    'mail-app.json',
    '{ "email": "${user}", "incoming": { "server": "${imap_host}", "port": 993, "username": "${login}" } }\n',
  )
  site.write(
    'certificates.csv',
    'device,issuer,serial\nanna-iphone,"CN=Device CA,O=Example",03:F2:9B\ncarol-iphone,"CN=Device CA,O=Example",03:F2:9C\n',
  )
  site.write('stricter.yaml', `${POLICY}grace: block\n${STRICTER_TESTS}`)
  await site.journal(
    blockEntry({
      time: Date.now() - 1_200_000,
      decision: 'VAZFRT1J',
      user: 'carol@example.com',
      device: 'carol-iphone',
      reason: 'mandate_deadline',
      rule: 'tiktok-2020-07',
      evidenceAgeS: 6000,
    }),
    blockEntry({
      time: Date.now() - 600_000,
      decision: '7QK2M0XD',
      protocol: 'smtp',
      user: 'erin@example.com',
      device: 'erin-pixel',
      platform: 'android',
      evidenceAgeS: 6600,
    }),
  )
  return site
}

const BLOCK = /```console\n([^]*?)```/g
const COMMAND = /^\$ .*\n/gm

/** A document with the outputs of its console examples as they are now; each is really run, in order, on one site. */
export async function withFreshOutputs(document: string): Promise<string> {
  const site = await exampleSite()
  const sudoUser = process.env['SUDO_USER']
  process.env['SUDO_USER'] = 'olga'
  // A command that writes a file beside it writes it there.
  const workingDirectory = process.cwd()
  process.chdir(site.dir)
  try {
    const shell = new Shell(site)
    let fresh = ''
    let end = 0
    for (const block of document.matchAll(BLOCK)) {
      const [whole, former = ''] = block
      let output = ''
      for (const [line] of former.matchAll(COMMAND)) output += line + (await shell.run(line.slice(2)))
      const shown = output.replaceAll(site.dir, '/etc/haraka')
      // Only what says something else now is written anew.
      const same = withoutWhatVaries(shown) === withoutWhatVaries(former)
      fresh += `${document.slice(end, block.index)}\`\`\`console\n${same ? former : shown}\`\`\``
      end = block.index + whole.length
    }
    return fresh + document.slice(end)
  } finally {
    process.chdir(workingDirectory)
    if (sudoUser === undefined) delete process.env['SUDO_USER']
    else process.env['SUDO_USER'] = sudoUser
    site.remove()
  }
}

/** As much of a shell as the examples need: words in quotes, one variable, a comment, `| jq`, `cat FILE |`. */
class Shell {
  readonly #variables = new Map<string, string>()

  constructor(private readonly site: CliSite) {}

  async run(line: string): Promise<string> {
    const command = line.replace(/\s+#.*$/s, '').trim()
    const assignment = /^(\w+)=\$\((.*)\)$/.exec(command)
    if (assignment) {
      const [, name = '', inner = ''] = assignment
      this.#variables.set(name, (await this.#answer(inner)).out.trimEnd())
      return ''
    }
    const piped = /^(.*?)\s*\| jq(?: '(.*)')?$/.exec(command)
    const { out, err } = await this.#answer(piped?.[1] ?? command)
    return err + (piped ? `${JSON.stringify(filtered(JSON.parse(out), piped[2]), null, 2)}\n` : out)
  }

  #answer(command: string): Promise<{ out: string; err: string }> {
    const [program, ...argv] = [...command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
      ([, single, double, bare]) => single ?? this.#expanded(double ?? bare ?? ''),
    )
    if (program !== 'device-gate') throw new Error(`this example runs no device-gate: ${command}`)
    const here = argv.map((word) => (/^[a-z]+\.(ndjson|yaml)$/.test(word) ? this.site.file(word) : word))
    return this.site.run(...here)
  }

  #expanded(word: string): string {
    return word.replace(/\$(\w+)/g, (_, name: string) => this.#variables.get(name) ?? '')
  }
}

/** Of jq's language `del(.a[].b[N:])`: of each of `a` the first N of its `b`. */
function filtered(value: unknown, filter: string | undefined): unknown {
  if (filter === undefined) return value
  const [, list = '', inner = '', from] = /^del\(\.(\w+)\[\]\.(\w+)\[(\d+):\]\)$/.exec(filter) ?? []
  const document = value as Record<string, Record<string, unknown[]>[]>
  const shorter = document[list]?.map((one) => ({ ...one, [inner]: one[inner]?.slice(0, Number(from)) }))
  if (!shorter) throw new Error(`jq does not know ${filter} here`)
  return { ...document, [list]: shorter }
}

/** What differs from run to run: moments, ages, hashes, keys and the macs made with them, and the widths of columns. */
export const withoutWhatVaries = (document: string): string =>
  document
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/\b[0-9a-f]{40}\b/g, 'HASH')
    .replace(/\.[A-Za-z0-9]{2}[A-Za-z0-9_-]{22}(?![\w-])/g, '.MAC')
    .replace(/\bkey \w\w\b/g, 'key ID')
    .replace(/"(signing|id)": "\w\w"/g, '"$1": "ID"')
    .replace(/^\w\w( +TIME +(signs|verifies))$/gm, 'ID$1')
    // After the keys, of which one may be called 5d.
    .replace(/\b\d+[smhd]\b/g, 'AGE')
    .replace(/\b\d+ (?:s|min|h|d) (ago|old)\b/g, 'SPAN $1')
    .replace(/"age_s": \d+/g, '"age_s": AGE')
    .replace(/\b\w\w signs\b/g, 'ID signs')
    .replace(/ {2,}/g, ' ')
