import fs from 'node:fs'
import path from 'node:path'

import { OUTCOMES, REASONS, type Outcome, type Reason } from '../src/policy/vocabulary'
import { DECISION_TABLE, FAULTS, type Case, type Step } from '../test/policy/decision-table'

const OUTCOME_EFFECTS: Readonly<Record<Outcome, { imap: string; smtp: string }>> = {
  allow: { imap: 'the session goes on', smtp: 'the message goes on' },
  warn: {
    imap: 'the session goes on; `* OK [ALERT] text (decision id)` is shown by most clients',
    smtp: 'the message goes on; only the block log tells',
  },
  block: {
    imap: '`* OK [ALERT] text`, then `NO [CONTACTADMIN] text (decision id)`; only after the password was proven',
    smtp: '`550 5.7.1 text (decision id)` at MAIL FROM',
  },
  unavailable: {
    imap: '`NO [UNAVAILABLE] text (decision id)`: the client keeps the password and tries later',
    smtp: '`451 4.7.1 text (decision id)`: the client tries later',
  },
}

const REASON_HELP: Readonly<Record<Reason, { means: string; todo: string }>> = {
  break_glass: {
    means: '`enforcement: off` in this host’s `device_gate.yaml`.',
    todo: 'Set it back to `policy` when the emergency is over.',
  },
  mode_off: {
    means: 'The mode is off, by the policy or by `device-gate mode off`.',
    todo: '`device-gate status` says which; `device-gate mode policy` takes the override away.',
  },
  exempt_network: {
    means: 'The client’s address is in `identity.exempt_networks`.',
    todo: 'Nothing, unless the list is too wide.',
  },
  locked: {
    means: 'A lock stands on the account or the device.',
    todo: '`device-gate lock list` says by whom, why and until when; `lock remove` takes it away.',
  },
  exempted: {
    means: 'An exemption stands on the account or the device.',
    todo: '`device-gate exempt list` says by whom, why and until when.',
  },
  unidentified: {
    means: 'The client proved no device and `identity.unidentified` is allow or block.',
    todo: 'Give the device a tag (`device-gate tag issue`) or a client certificate.',
  },
  unknown_device: {
    means: 'No record of this device, or of any device of this person.',
    todo: 'Import it (`device-gate device import`), or look at the policy’s `unknown`.',
  },
  stale: {
    means: 'The newest evidence is older than `stale.after`, or the fleet’s lease ran out.',
    todo: 'Have the person open the management app; if it is many devices, look at the feed.',
  },
  mandate_warning: {
    means: 'The device has a finding that a mandate will block from its deadline on.',
    todo: 'The person follows the mandate’s message before the deadline.',
  },
  mandate_deadline: {
    means: 'The device has a finding that a mandate blocks since its deadline.',
    todo: 'The person follows the message and the device reports again; or exempt it for a time.',
  },
  mandate_unseen: {
    means:
      'Its source cannot see on the device what a mandate is about, and the policy’s `unknown` is warn or block.',
    todo: 'Have the device managed so that it can be seen; or exempt it for a time; or look at the policy’s `unknown`.',
  },
  attested: {
    means:
      'Nobody can see what a mandate is about, or nobody reported the device, and its person stated that it is not there.',
    todo: '`device-gate attest list` says when and until when; `attest remove` ends it. docs/attestation.md says what it is worth.',
  },
  noncompliant: {
    means: 'Device management says noncompliant.',
    todo: 'Mend the device in device management; the next report lets it in.',
  },
  grace: {
    means: 'Device management says noncompliant, and gives the person time.',
    todo: 'The person mends the device before device management’s time is over.',
  },
  unknown_state: {
    means: 'Device management knows the device and not its state.',
    todo: 'Have the device checked in; or look at the policy’s `unknown`.',
  },
  compliant: { means: 'Nothing speaks against the device.', todo: 'Nothing.' },
  fault_closed: {
    means: 'The gate could not decide, and `fail_mode` is closed.',
    todo: 'Haraka’s log names the record or the file; write it again or restore the replica.',
  },
  fault_open: {
    means: 'The gate could not decide, and `fail_mode` is open: the client passed unchecked.',
    todo: 'The same, and sooner: the rule is not held meanwhile.',
  },
}

/** docs/decisions.md, made from the table that the tests run. */
export function renderDecisionsDoc(): string {
  return `# Decisions

<!-- Written by \`npm run docs:decisions\` from test/policy/decision-table.ts: change it there. -->

Each IMAP login and each submitted message is decided by ten steps in this order. The first of the steps 1 to 6 that has
something to say decides; of the steps 7 to 9 the worst outcome counts. Every line below is a test. \`device-gate why\`
tells the step for a person, a device, or the decision id that a refusal shows.

${DECISION_TABLE.map((step, index) => `${index + 1}. [${step.title}](#${anchor(step, index)})`).join('\n')}

Where a line names no other policy, it is the sample: \`mode: enforce\`, \`unknown: allow\`, stale after 7 days: \`warn\`,
\`noncompliant: block\`, \`grace: warn\`, \`unidentified: owner\`. The person is told the text, the policy's \`contact\` and the
decision id.

${DECISION_TABLE.map((step, index) => section(`${index + 1}. ${step.title}`, step)).join('\n')}
${section(FAULTS.title, FAULTS)}
## Outcomes

*Not enforced* means: recorded as what would have happened, and served as an allow.

${table(
  ['Outcome', 'IMAP', 'SMTP submission'],
  OUTCOMES.map((outcome) => [code(outcome), OUTCOME_EFFECTS[outcome].imap, OUTCOME_EFFECTS[outcome].smtp]),
)}
## Reasons

The block log, \`device-gate why\` and \`device-gate blocks\` name one of these.

${table(
  ['Reason', 'What it means', 'What to do'],
  REASONS.map((reason) => [code(reason), REASON_HELP[reason].means, REASON_HELP[reason].todo]),
)}`
}

const section = (heading: string, { about, cases }: Step): string =>
  `## ${heading}\n\n${about}\n\n${table(['Situation', 'Outcome', 'Reason', 'The person is told'], cases.map(row))}`

const row = ({ situation, then }: Case): string[] => [
  situation,
  `**${then.outcome}**${isServed(then) ? '' : ', not enforced'}`,
  then.rule === undefined ? code(then.reason) : `${code(then.reason)} by ${code(then.rule)}`,
  isServed(then) ? (then.text ?? '') : '',
]

const isServed = ({ outcome, enforced }: Case['then']): boolean => outcome === 'allow' || enforced !== false

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |\n`).join('')

const code = (word: string): string => `\`${word}\``

/** As GitHub makes anchors of headings. */
const anchor = ({ title }: Step, index: number): string =>
  `${index + 1}-${title.toLowerCase().replaceAll(' ', '-')}`

if (require.main === module) {
  fs.writeFileSync(path.join(__dirname, '../docs/decisions.md'), renderDecisionsDoc())
}
