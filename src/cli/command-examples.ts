import type { Command } from 'commander'

/** What people come to do, for the help of each command. */
const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  '': [
    'device-gate why anna@example.com        # why can she not read her mail?',
    'device-gate blocks --since 1h --follow  # who is refused now?',
    'device-gate mode off --reason "sent in error"',
  ],
  status: ['device-gate status', 'device-gate -c /etc/haraka status --json'],
  mode: [
    'device-gate mode',
    'device-gate mode monitor --reason "look first"',
    'device-gate mode policy --reason "looked"',
  ],
  'device get': ['device-gate device get d-17'],
  'device put': [
    `device-gate device put '{"id":"d-17","owners":["anna@example.com"],"platform":"ios","state":"compliant","findings":[],"evidence_at":"2026-11-20T08:00:00Z","source":"mdm","version":7}'`,
  ],
  'device list': [
    'device-gate device list --owner anna@example.com',
    'device-gate device list --state noncompliant --json',
  ],
  'device import': [
    'device-gate device import fleet.ndjson',
    'device-gate device import fleet.csv --format csv --strict',
  ],
  'device forget': ['device-gate device forget d-17'],
  why: ['device-gate why anna@example.com', 'device-gate why d-17', 'device-gate why VAZFRT1J'],
  blocks: [
    'device-gate blocks --since 1h --follow',
    'device-gate blocks --mandate tiktok-2020-07 --outcome block --since 7d',
    'device-gate blocks --since 30d --format csv > blocks.csv',
  ],
  blocked: ['device-gate blocked', 'device-gate blocked --json'],
  'exempt add': ['device-gate exempt add --user anna@example.com --for 4h --reason "board meeting"'],
  'exempt remove': ['device-gate exempt remove --user anna@example.com --reason "it is over"'],
  'exempt list': ['device-gate exempt list'],
  'lock add': ['device-gate lock add --device d-17 --reason "reported stolen"'],
  'lock remove': ['device-gate lock remove --device d-17 --reason "found again"'],
  'lock list': ['device-gate lock list'],
  'attest link': [
    'device-gate attest link --user anna@example.com --device anna-phone --platform ios --mandate tiktok-2020-07 --reason "her own phone"',
  ],
  'attest list': ['device-gate attest list'],
  'attest remove': [
    'device-gate attest remove --user anna@example.com --device anna-phone --reason "seen on it all the same"',
  ],
  'policy check': ['device-gate policy check', 'device-gate policy check draft.yaml --json'],
  'policy show': ['device-gate policy show', 'device-gate policy show 3'],
  'policy history': ['device-gate policy history'],
  'policy what-if': [
    'device-gate policy what-if draft.yaml',
    'device-gate policy what-if draft.yaml --at 2026-07-10T23:59:00-07:00 --list hit.ndjson',
  ],
  'policy diff': ['device-gate policy diff draft.yaml', 'device-gate policy diff 3 4'],
  'policy test': ['device-gate policy test draft.yaml', 'device-gate policy test draft.yaml --format junit'],
  'policy apply': ['device-gate policy apply draft.yaml --reason "order 42"'],
  'policy confirm': ['device-gate policy confirm 17 --reason "seen, and meant"'],
  'policy propose': ['device-gate policy propose draft.yaml --reason "order 42"'],
  'policy approve': ['device-gate policy approve 7f3a --reason "checked with legal"'],
  'policy unpin': ['device-gate policy unpin --reason "the file is right again"'],
  recall: [
    'device-gate recall --reason "sent in error"',
    'device-gate recall --to 3 --reason "back to March" --follow',
  ],
  'audit verify': ['device-gate audit verify'],
  init: ['device-gate -c /etc/haraka init'],
  'journal erase': ['device-gate journal erase --user anna@example.com --reason "request 4711"'],
  'journal pseudonym': ['device-gate journal pseudonym --user anna@example.com'],
  'feed add': [
    'device-gate feed add mdm --kind file --set path=/srv/mdm/devices.csv --every 15m --reason "our MDM writes it"',
  ],
  'feed list': ['device-gate feed list'],
  'feed test': ['device-gate feed test mdm'],
  'feed sync': ['device-gate feed sync mdm'],
  'feed hold': ['device-gate feed hold mdm --reason "the MDM is being moved"'],
  'feed release': [
    'device-gate feed release mdm --confirm 120 --reason "seen, and right"',
    'device-gate feed release mdm --drop --reason "the MDM was wrong"',
  ],
  'feed remove': ['device-gate feed remove mdm --reason "replaced"'],
  'store migrate': ['device-gate store migrate --to redis', 'device-gate store migrate --to embedded'],
  'store restore': ['device-gate store restore'],
  'tag issue': ['device-gate tag issue anna@example.com d-17'],
  'tag export': ['device-gate tag export tags.csv --platform ios'],
  'tag verify': ['device-gate tag verify "$name"'],
  'tag rotate': ['device-gate tag rotate'],
  'tag remove': ['device-gate tag remove 5d --reason "it leaked"'],
  'tag keys': ['device-gate tag keys'],
  'certificate add': [
    'device-gate certificate add d-17 --issuer "CN=Device CA,O=Example" --serial 03:f2:9c --reason "enrolled"',
    'device-gate certificate add d-17 --file d-17.pem --reason "enrolled"',
  ],
  'certificate import': [
    'device-gate certificate import certificates.csv --reason "all that the MDM issued"',
  ],
  'certificate list': ['device-gate certificate list --device d-17'],
  'certificate remove': [
    'device-gate certificate remove --device d-17 --reason "given back"',
    'device-gate certificate remove --issuer "CN=Device CA,O=Example" --serial 03f29c --reason "reissued"',
  ],
  profile: [
    'device-gate profile d-17 --apple --imap imap.example.com --smtp mail.example.com --out anna.mobileconfig',
    'device-gate profile d-18 --android --template mail-app.json --imap imap.example.com --out d-18.json',
  ],
  'token issue': ['device-gate token issue anna --role operator --expires 90d'],
  'token list': ['device-gate token list'],
  'token revoke': ['device-gate token revoke anna'],
  'completion bash': [
    'device-gate completion bash > /etc/bash_completion.d/device-gate',
    'source <(device-gate completion bash)',
  ],
  'completion zsh': ['device-gate completion zsh > "${fpath[1]}/_device-gate"'],
  'completion fish': ['device-gate completion fish > ~/.config/fish/completions/device-gate.fish'],
}

/** Adds them to the help of each command. */
export function withExamples(command: Command, path: readonly string[] = []): void {
  const examples = EXAMPLES[path.join(' ')]
  if (examples)
    command.addHelpText(
      'after',
      `\nExample${examples.length === 1 ? '' : 's'}:\n${examples.map((line) => `  ${line}\n`).join('')}`.trimEnd(),
    )
  for (const one of command.commands) withExamples(one, [...path, one.name()])
}
