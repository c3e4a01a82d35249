import { OUTCOMES, PLATFORMS, PROOFS, PROTOCOLS, REASONS, MODES, STATES } from '../policy/vocabulary'
import { ORDER_KINDS } from '../devices/order'
import { count, flag, list, maybeMoment, moment, nullable, object, text, type Schema } from './schemas'

/** Schemas of what more than one call answers. The published form of each is made in src/lookup. */

const nullableEnum = (values: readonly string[]): Schema => ({
  type: ['string', 'null'],
  enum: [...values, null],
})

const blockFields = {
  time: moment('When it was decided.'),
  decision: text('The id that the person was told.'),
  protocol: { enum: PROTOCOLS },
  user: text('Who logged in.'),
  device: nullable('string', 'The device that proved itself, or that decided.'),
  platform: nullableEnum(PLATFORMS),
  proof: { enum: PROOFS },
  outcome: { enum: OUTCOMES },
  enforced: flag('false: it was only noted, and the client served.'),
  reason: { enum: REASONS },
  rule: nullable('string', 'The mandate or override that decided.'),
  policy: count('The policy version.'),
  evidence_age_s: nullable('integer', 'How old what was known of the device was.'),
  remote: text("The client's address."),
  repeats: count('How many further decisions of this case the line stands for.'),
  host: text('The host that decided.'),
}

export const foldedBlockSchema = object(
  {
    ...blockFields,
    count: count('With fold: decisions of this case on this page.'),
    first: moment('With fold: the oldest of them.'),
    last: moment('With fold: the newest of them.'),
  },
  { optional: ['count', 'first', 'last'] },
)

/** What the block log of one host gives where no other is asked. */
export const recentSchema = object(blockFields, { optional: ['host'] })

const stepSchema = object({
  step: count('1 to 10.'),
  name: text('What it looks at.'),
  saw: text('What it saw, in words.'),
  result: { enum: ['passed', 'decided', 'not reached'] },
  effect: nullableEnum(['allow', 'warn', 'block']),
  silent: flag('Its effect is only noted.'),
  reason: nullableEnum(REASONS),
  rule: nullable('string', 'The mandate or override.'),
})

export const caseSchema = object({
  title: text('Whom it is about.'),
  user: text('Who logs in.'),
  device: nullable('string', 'The device that is decided by.'),
  platform: nullableEnum(PLATFORMS),
  proof: { enum: PROOFS },
  outcome: { enum: OUTCOMES },
  enforced: flag('false: it is only noted, and the client served.'),
  reason: { enum: REASONS },
  rule: nullable('string', 'The mandate or override that decides.'),
  policy: count('The policy version.'),
  evidence: {
    ...object({
      age_s: count('Seconds since.'),
      at: moment('When the device was last looked at.'),
      source: nullable('string', 'By whom.'),
      state: nullableEnum(STATES),
      findings: list(text('Such as app:com.example.')),
    }),
    type: ['object', 'null'],
  },
  valid_until: maybeMoment('Until then time alone changes nothing; null: for ever.'),
  text: text('What the person is told.'),
  steps: list(stepSchema),
})

export const deviceSchema = object({
  id: text(''),
  owners: list(text('A mail address.')),
  platform: { enum: PLATFORMS },
  state: { enum: STATES },
  findings: list(text('')),
  evidence_at: moment('When its source last looked at it.'),
  source: text('Who reported it.'),
  version: count("The source's own count of changes."),
})

export const overrideSchema = object({
  kind: { enum: ['exemption', 'lock'] },
  on: { enum: ['device', 'user'] },
  id: text('The device or user.'),
  author: text(''),
  reason: text(''),
  created_at: moment(''),
  expires_at: maybeMoment('null: until it is removed.'),
})

export const orderSchema = object({
  n: count('Its number in the history.'),
  version: count('The policy version in force once it was done.'),
  prev: text('The hash of the entry before.'),
  at: moment(''),
  who: text('Who gave it.'),
  kind: { enum: ORDER_KINDS },
  reason: text('Why.'),
  change: text('What it changed, in words.'),
  text_sha256: nullable('string', 'Of the policy that it put in force.'),
  hash: text('Over all of the above.'),
})

export const syncSchema = object({
  user: text(''),
  device: nullable('string', 'null: none was proven.'),
  protocol: { enum: PROTOCOLS },
  at: moment('To ten minutes.'),
})

export const sessionsSchema: Schema = {
  ...list(
    object({
      user: text(''),
      device: nullable('string', 'null: none was proven.'),
      count: count(''),
      since: moment('When the oldest began.'),
    }),
  ),
  type: ['array', 'null'],
  description: 'Open IMAP sessions on this host; null: a worker did not answer.',
}

const inForceSchema = list(
  object({
    host: text('A host that decides.'),
    ms: nullable(
      'integer',
      'After how many milliseconds all its workers had it in force; null: not in time.',
    ),
    workers: list(object({ pid: count(''), at: moment('When it had taken it in.') })),
  }),
)

/** Of every change. */
export const changedSchema = object({
  changed: flag('false: it was so already.'),
  entry: { ...orderSchema, type: ['object', 'null'] },
  newly_blocked: count('How many devices it newly blocks.'),
  devices: count('Of how many that are known.'),
  hosts: inForceSchema,
})

export const hostSchema = object({
  id: text(''),
  host: nullable('string', 'Its name.'),
  standing: { enum: ['well', 'behind', 'no lease', 'silent'] },
  lag: nullable('integer', 'Entries of the store that it lacks.'),
  last_heard: maybeMoment(''),
  version: nullable('string', "The gate's version."),
  policy_version: nullable('integer', ''),
  lease_valid: flag('"compliant" may be believed there.'),
  set_aside: nullable('integer', 'Entries of the store that it cannot read.'),
  workers: nullable('integer', ''),
  sessions: nullable('integer', 'Open IMAP sessions.'),
  journal_waiting: nullable('integer', 'Blocks that the fleet does not know of yet.'),
  journal_lost: nullable('integer', 'Blocks that the fleet never gets.'),
  running_since: maybeMoment(''),
})

export const feedSchema = object({
  name: text(''),
  kind: text(''),
  of: nullable('string', 'The feed that it sends events for.'),
  every_s: nullable('integer', 'How often it sweeps.'),
  last_good_at: maybeMoment('Its last complete sweep, or events that were taken in.'),
  last_good_age_s: nullable('integer', ''),
  last_tried_at: maybeMoment(''),
  next_at: maybeMoment(''),
  problem: {
    ...object({ kind: text(''), message: text('Why it fails.'), since: maybeMoment('') }),
    type: ['object', 'null'],
  },
  devices: nullable('integer', 'That the last complete sweep brought.'),
  bad: count('Records of the last sweep that could not be read.'),
  examples: list(object({ place: text(''), problem: text('') })),
  gone_held: nullable('string', 'Why the last sweep marked nothing gone though it was complete.'),
  events: count('That were taken in.'),
  refused_events: count(''),
  blind_to: list(text('Id of a mandate in force about an app that it does not look for.')),
  held: {
    ...object({
      why: text('Why what turns devices is set aside.'),
      since: maybeMoment(''),
      count: count('Records.'),
      release: text('The command that lets it go on.'),
    }),
    type: ['object', 'null'],
  },
})

const figure = {
  newly_blocked: count('Devices that it would newly block.'),
  devices: count('Of how many.'),
}

export const pendingSchema: Schema = {
  ...object({
    cause: { enum: ['guard', 'recall'] },
    ...figure,
    bound: count('How many max_new_blocks allows.'),
    since: moment(''),
    confirm: text('The command that puts it in force.'),
  }),
  type: ['object', 'null'],
}

export const heldSchema = object({
  mandate: text('Its id.'),
  at: moment('When it would block.'),
  ...figure,
  bound: count(''),
  since: moment(''),
  confirm: text('The command that lets it.'),
})

export const proposalSchema = object({
  id: text(''),
  mandate: nullable('string', 'The held mandate that is to block; null: it is a policy.'),
  author: text(''),
  reason: text(''),
  at: moment(''),
  ...figure,
})

export const modeOverrideSchema: Schema = {
  ...object({ mode: { enum: MODES }, author: text(''), reason: text(''), at: moment('') }),
  type: ['object', 'null'],
}

export const recallSchema: Schema = {
  ...object({
    author: text(''),
    reason: text(''),
    at: moment(''),
    version: count('The version that it made.'),
    to: count('The one whose text that has.'),
    from: count('The one that was taken back.'),
    pinned: flag('Edits of the policy file are held back.'),
  }),
  type: ['object', 'null'],
}

export const inForceOn = inForceSchema

/** A page of a list: `next` is the cursor of the next one, null at its end. */
export const pageOf = (items: Schema, further: Readonly<Record<string, Schema>> = {}): Schema =>
  object({
    items: list(items),
    next: nullable('string', 'The cursor of the next page; null: there is none.'),
    ...further,
  })
