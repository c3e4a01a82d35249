import type { Outcome, Reason } from '../../src/policy/vocabulary'
import type { Mandate, Policy } from '../../src/policy/policy'
import { ANNA, FRIDAY_MANDATE, TIKTOK, type DeviceSketch, type Situation } from './situation'

/**
 * Every way through the ten steps, for people who run a mail service. `npm test` holds the code to it and
 * docs/decisions.md is made from it (`npm run docs:decisions`).
 */
export interface Step {
  readonly title: string
  readonly about: string
  readonly cases: readonly Case[]
}

export interface Case {
  readonly situation: string
  readonly given: Situation
  readonly then: {
    readonly outcome: Outcome
    readonly reason: Reason
    /** true where left out. false: recorded as what would have happened, and served as an allow. */
    readonly enforced?: boolean
    /** The mandate or override that decided. */
    readonly rule?: string
    /** What the person is told, before the help desk's line. */
    readonly text?: string
    /** When time alone changes it. */
    readonly until?: string
  }
}

const IPHONE: DeviceSketch = { id: 'iphone', platform: 'ios' }
const LAPTOP: DeviceSketch = { id: 'laptop', platform: 'windows' }
const TIKTOK_IPHONE: DeviceSketch = { ...IPHONE, findings: [TIKTOK] }
/** Enrolled by its owner: the manager does not see its apps. */
const OWN_IPHONE: DeviceSketch = { ...IPHONE, findings: ['unseen:app'] }
const BAD_IPHONE: DeviceSketch = { ...IPHONE, state: 'noncompliant' }
const GRACE_IPHONE: DeviceSketch = { ...IPHONE, state: 'grace' }
const UNTOLD_IPHONE: DeviceSketch = { ...IPHONE, state: 'unknown' }
const OLD_REPORT = '2020-06-20T09:00:00Z'

const WARNED = '2020-07-08T09:00:00Z'
const OVERDUE = '2020-07-11T09:00:00Z'

const WECHAT = 'app:com.tencent.xin'
const WECHAT_MANDATE = {
  ...FRIDAY_MANDATE,
  id: 'wechat-2020-07',
  finding: WECHAT,
  deadline: Date.parse('2020-07-09T06:59:00Z'),
  message: 'Remove WeChat from this phone to go on using company email',
}
const BOTH_MANDATES = { mandates: [FRIDAY_MANDATE, WECHAT_MANDATE] }
const BOTH_APPS_IPHONE: DeviceSketch = { ...IPHONE, findings: [TIKTOK, WECHAT] }

const ladder = (change: Partial<Mandate>): Partial<Policy> => ({
  groups: { pilot: [ANNA], it: ['it-iphone'] },
  mandates: [{ ...FRIDAY_MANDATE, ...change }],
})
/** A device's place is a hash of its id and the mandate's: the ipad stands at 44.2 %, the iphone at 76.5 %. */
const STAGED = ladder({
  stages: [
    { percent: 10, from: Date.parse('2020-07-11T06:59:00Z') },
    { percent: 50, from: Date.parse('2020-07-12T06:59:00Z') },
  ],
})
const TIKTOK_IPAD: DeviceSketch = { ...TIKTOK_IPHONE, id: 'ipad' }
const ENDED = ladder({ until: Date.parse('2020-08-01T00:00:00Z') })

/** That TikTok is not on the iPhone, until 14 July. */
const STATED = { device: 'iphone', until: '2020-07-14T09:00:00Z' }

const NONCOMPLIANT = 'This device does not meet company requirements.'
const GRACE = 'This device does not meet company requirements and will soon lose access to mail.'
const STALE = 'This device has not reported to device management for too long; open the management app on it.'
const UNKNOWN = 'This device is not known to device management.'
const UNKNOWN_STATE = 'The state of this device is not known to device management.'
const LOCKED = 'Company mail is locked for this account or device.'
const UNIDENTIFIED =
  'This device did not identify itself; set up mail with the profile your company provides.'
const TIKTOK_WARNING = 'Remove TikTok from this phone to go on using company email (by 2020-07-11 06:59 UTC).'
const TIKTOK_BLOCK = 'Remove TikTok from this phone to go on using company email.'
const TIKTOK_STAGE_WARNING =
  'Remove TikTok from this phone to go on using company email (by 2020-07-12 06:59 UTC).'
const UNSEEN_WARNING = `${TIKTOK_WARNING} Nobody can see on this device if that is done.`
const UNSEEN_BLOCK = `${TIKTOK_BLOCK} Nobody can see on this device if that is done.`
const WECHAT_WARNING = 'Remove WeChat from this phone to go on using company email (by 2020-07-09 06:59 UTC).'
const UNSEEN_WECHAT =
  'Remove WeChat from this phone to go on using company email. Nobody can see on this device if that is done.'
const WECHAT_BLOCK = 'Remove WeChat from this phone to go on using company email.'

const blockedAs = (rule: string, until?: string): Case['then'] => ({
  outcome: 'block',
  reason: 'locked',
  rule,
  text: LOCKED,
  ...(until !== undefined && { until }),
})

export const DECISION_TABLE: readonly Step[] = [
  {
    title: 'Break-glass and mode',
    about:
      'In `mode: off` nothing is looked at. In `mode: monitor` all is decided and recorded, and nobody is refused or ' +
      'warned. `device-gate mode` stands above the mode of the policy file. `enforcement` in `device_gate.yaml` loosens ' +
      'this one host and can never tighten it.',
    cases: [
      {
        situation: '`mode: off`; a non-compliant iPhone',
        given: { device: BAD_IPHONE, policy: { mode: 'off' } },
        then: { outcome: 'allow', reason: 'mode_off', enforced: false },
      },
      {
        situation: '`mode: enforce` with `device-gate mode off`; a non-compliant iPhone',
        given: { device: BAD_IPHONE, modeOverride: 'off' },
        then: { outcome: 'allow', reason: 'mode_off', enforced: false },
      },
      {
        situation: '`mode: enforce`, `enforcement: off` on this host; a non-compliant iPhone',
        given: { device: BAD_IPHONE, enforcement: 'off' },
        then: { outcome: 'allow', reason: 'break_glass', enforced: false },
      },
      {
        situation: '`device-gate mode enforce`, `enforcement: off` on this host; a locked account',
        given: {
          device: IPHONE,
          modeOverride: 'enforce',
          enforcement: 'off',
          overrides: [{ kind: 'lock', user: ANNA }],
        },
        then: { outcome: 'allow', reason: 'break_glass', enforced: false },
      },
      {
        situation: '`mode: monitor`; a non-compliant iPhone',
        given: { device: BAD_IPHONE, policy: { mode: 'monitor' } },
        then: { outcome: 'block', reason: 'noncompliant', enforced: false, text: NONCOMPLIANT },
      },
      {
        situation: '`mode: monitor` with `device-gate mode enforce`; a non-compliant iPhone',
        given: { device: BAD_IPHONE, policy: { mode: 'monitor' }, modeOverride: 'enforce' },
        then: { outcome: 'block', reason: 'noncompliant', text: NONCOMPLIANT },
      },
      {
        situation: '`mode: enforce`, `enforcement: monitor` on this host; a non-compliant iPhone',
        given: { device: BAD_IPHONE, enforcement: 'monitor' },
        then: { outcome: 'block', reason: 'noncompliant', enforced: false, text: NONCOMPLIANT },
      },
      {
        situation:
          '`mode: off`, `enforcement: monitor` on this host: it cannot tighten; a non-compliant iPhone',
        given: { device: BAD_IPHONE, policy: { mode: 'off' }, enforcement: 'monitor' },
        then: { outcome: 'allow', reason: 'mode_off', enforced: false },
      },
      {
        situation: '`mode: monitor`; an iPhone with TikTok in the warning time',
        given: { at: WARNED, device: TIKTOK_IPHONE, policy: { mode: 'monitor' } },
        then: {
          outcome: 'warn',
          reason: 'mandate_warning',
          enforced: false,
          rule: 'tiktok-2020-07',
          text: TIKTOK_WARNING,
        },
      },
    ],
  },
  {
    title: 'Exempt network',
    about:
      'Clients from `identity.exempt_networks` (webmail, a ticket system) are let through, whatever is known of them.',
    cases: [
      {
        situation: 'A non-compliant iPhone in an exempt network',
        given: { device: BAD_IPHONE, exemptNetwork: true },
        then: { outcome: 'allow', reason: 'exempt_network' },
      },
      {
        situation: 'A locked account in an exempt network',
        given: { device: IPHONE, exemptNetwork: true, overrides: [{ kind: 'lock', user: ANNA }] },
        then: { outcome: 'allow', reason: 'exempt_network' },
      },
      {
        situation: 'A client that proves no device in an exempt network, `unidentified: block`',
        given: { device: null, unidentified: 'block', exemptNetwork: true },
        then: { outcome: 'allow', reason: 'exempt_network' },
      },
    ],
  },
  {
    title: 'Lock',
    about:
      '`device-gate lock add` bolts the door for an account or a device until it expires or is removed. A lock beats ' +
      'every exemption.',
    cases: [
      {
        situation: 'A compliant iPhone whose owner is locked',
        given: { device: IPHONE, overrides: [{ kind: 'lock', user: ANNA }] },
        then: blockedAs(`lock:user:${ANNA}`),
      },
      {
        situation: 'A compliant iPhone that is locked',
        given: { device: IPHONE, overrides: [{ kind: 'lock', device: 'iphone' }] },
        then: blockedAs('lock:device:iphone'),
      },
      {
        situation: 'A device that nobody reported and that is locked',
        given: { device: IPHONE, unreported: true, overrides: [{ kind: 'lock', device: 'iphone' }] },
        then: blockedAs('lock:device:iphone'),
      },
      {
        situation: 'The iPhone is locked; its owner comes with the laptop',
        given: { device: LAPTOP, overrides: [{ kind: 'lock', device: 'iphone' }] },
        then: { outcome: 'allow', reason: 'compliant' },
      },
      {
        situation: 'Somebody else is locked',
        given: { device: IPHONE, overrides: [{ kind: 'lock', user: 'bob@example.com' }] },
        then: { outcome: 'allow', reason: 'compliant' },
      },
      {
        situation: 'A lock on the device, an exemption for its owner',
        given: {
          device: IPHONE,
          overrides: [
            { kind: 'exemption', user: ANNA },
            { kind: 'lock', device: 'iphone' },
          ],
        },
        then: blockedAs('lock:device:iphone'),
      },
      {
        situation: 'A lock on the owner, an exemption for the device',
        given: {
          device: IPHONE,
          overrides: [
            { kind: 'lock', user: ANNA },
            { kind: 'exemption', device: 'iphone' },
          ],
        },
        then: blockedAs(`lock:user:${ANNA}`),
      },
      {
        situation: 'A lock that ends in an hour',
        given: { device: IPHONE, overrides: [{ kind: 'lock', user: ANNA, until: '2020-07-01T10:00:00Z' }] },
        then: blockedAs(`lock:user:${ANNA}`, '2020-07-01T10:00:00Z'),
      },
      {
        situation: 'A lock that ends at this very moment',
        given: { device: IPHONE, overrides: [{ kind: 'lock', user: ANNA, until: '2020-07-01T09:00:00Z' }] },
        then: { outcome: 'allow', reason: 'compliant' },
      },
      {
        situation: 'A lock that ended, an exemption that stands; a non-compliant iPhone',
        given: {
          device: BAD_IPHONE,
          overrides: [
            { kind: 'lock', user: ANNA, until: '2020-07-01T08:00:00Z' },
            { kind: 'exemption', user: ANNA },
          ],
        },
        then: { outcome: 'allow', reason: 'exempted', rule: `exemption:user:${ANNA}` },
      },
      {
        situation: 'A locked account on a client that proves no device, `unidentified: allow`',
        given: { device: null, unidentified: 'allow', overrides: [{ kind: 'lock', user: ANNA }] },
        then: blockedAs(`lock:user:${ANNA}`),
      },
      {
        situation: 'A client that proves no device, `unidentified: owner`; one of the two devices is locked',
        given: {
          device: null,
          owned: [LAPTOP, IPHONE],
          overrides: [{ kind: 'lock', device: 'iphone' }],
        },
        then: blockedAs('lock:device:iphone'),
      },
      {
        situation:
          'A client that proves no device, `unidentified: owner`; the owner is exempted, one of the two devices is locked',
        given: {
          device: null,
          owned: [LAPTOP, IPHONE],
          overrides: [
            { kind: 'exemption', user: ANNA },
            { kind: 'lock', device: 'iphone' },
          ],
        },
        then: blockedAs('lock:device:iphone'),
      },
    ],
  },
  {
    title: 'Exemption',
    about:
      '`device-gate exempt add` lets an account or a device past all that follows, until it expires or is removed.',
    cases: [
      {
        situation: 'A non-compliant iPhone whose owner is exempted',
        given: { device: BAD_IPHONE, overrides: [{ kind: 'exemption', user: ANNA }] },
        then: { outcome: 'allow', reason: 'exempted', rule: `exemption:user:${ANNA}` },
      },
      {
        situation: 'An iPhone with TikTok after the deadline that is exempted for another day',
        given: {
          at: OVERDUE,
          device: TIKTOK_IPHONE,
          overrides: [{ kind: 'exemption', device: 'iphone', until: '2020-07-12T09:00:00Z' }],
        },
        then: {
          outcome: 'allow',
          reason: 'exempted',
          rule: 'exemption:device:iphone',
          until: '2020-07-12T09:00:00Z',
        },
      },
      {
        situation: 'The exemption has expired; a non-compliant iPhone',
        given: {
          device: BAD_IPHONE,
          overrides: [{ kind: 'exemption', user: ANNA, until: '2020-07-01T08:59:59Z' }],
        },
        then: { outcome: 'block', reason: 'noncompliant', text: NONCOMPLIANT },
      },
      {
        situation: 'Two exemptions, one of which ends sooner: looked at again when it does',
        given: {
          device: BAD_IPHONE,
          overrides: [
            { kind: 'exemption', user: ANNA, until: '2020-07-03T09:00:00Z' },
            { kind: 'exemption', device: 'iphone', until: '2020-07-02T09:00:00Z' },
          ],
        },
        then: {
          outcome: 'allow',
          reason: 'exempted',
          rule: `exemption:user:${ANNA}`,
          until: '2020-07-02T09:00:00Z',
        },
      },
      {
        situation: 'An exempted account on a client that proves no device, `unidentified: block`',
        given: { device: null, unidentified: 'block', overrides: [{ kind: 'exemption', user: ANNA }] },
        then: { outcome: 'allow', reason: 'exempted', rule: `exemption:user:${ANNA}` },
      },
      {
        situation:
          'A client that proves no device, `unidentified: owner`; one device is exempted, the other is non-compliant',
        given: {
          device: null,
          owned: [BAD_IPHONE, { ...LAPTOP, state: 'noncompliant' }],
          overrides: [{ kind: 'exemption', device: 'iphone' }],
        },
        then: { outcome: 'block', reason: 'noncompliant', text: NONCOMPLIANT },
      },
      {
        situation: 'A client that proves no device, `unidentified: owner`; the only bad device is exempted',
        given: {
          device: null,
          owned: [BAD_IPHONE, LAPTOP],
          overrides: [{ kind: 'exemption', device: 'iphone', until: '2020-07-01T12:00:00Z' }],
        },
        then: {
          outcome: 'allow',
          reason: 'exempted',
          rule: 'exemption:device:iphone',
          until: '2020-07-01T12:00:00Z',
        },
      },
    ],
  },
  {
    title: 'Who is it',
    about:
      'A device proves itself by client certificate or by the signed tag in the user name. For a client that proves ' +
      'none, `identity.unidentified` says allow, block, or owner: the worst of what its owner’s devices would get, of ' +
      'the platform that the client names in IMAP ID if it names one.',
    cases: [
      {
        situation: 'A client that proves no device, `unidentified: allow`',
        given: { device: null, unidentified: 'allow', owned: [BAD_IPHONE] },
        then: { outcome: 'allow', reason: 'unidentified' },
      },
      {
        situation: 'A client that proves no device, `unidentified: block`',
        given: { device: null, unidentified: 'block', owned: [IPHONE] },
        then: { outcome: 'block', reason: 'unidentified', text: UNIDENTIFIED },
      },
      {
        situation: 'A client that proves no device, `unidentified: owner`; both devices are compliant',
        given: { device: null, owned: [IPHONE, LAPTOP] },
        then: { outcome: 'allow', reason: 'compliant' },
      },
      {
        situation: 'The same; the laptop is compliant, the iPhone is in grace',
        given: { device: null, owned: [LAPTOP, GRACE_IPHONE] },
        then: { outcome: 'warn', reason: 'grace', text: GRACE },
      },
      {
        situation: 'The same; the laptop is compliant, the iPhone has TikTok after the deadline',
        given: { at: OVERDUE, device: null, owned: [LAPTOP, TIKTOK_IPHONE] },
        then: { outcome: 'block', reason: 'mandate_deadline', rule: 'tiktok-2020-07', text: TIKTOK_BLOCK },
      },
      {
        situation: 'The same, and the client says it runs on Windows',
        given: { at: OVERDUE, device: null, owned: [LAPTOP, TIKTOK_IPHONE], hint: 'windows' },
        then: { outcome: 'allow', reason: 'compliant' },
      },
      {
        situation: 'The same, and the client says it runs on iOS',
        given: { at: OVERDUE, device: null, owned: [LAPTOP, TIKTOK_IPHONE], hint: 'ios' },
        then: { outcome: 'block', reason: 'mandate_deadline', rule: 'tiktok-2020-07', text: TIKTOK_BLOCK },
      },
      {
        situation: 'A device that proves itself by certificate; what IMAP ID says does not matter',
        given: { at: OVERDUE, device: TIKTOK_IPHONE, proof: 'certificate', hint: 'windows' },
        then: { outcome: 'block', reason: 'mandate_deadline', rule: 'tiktok-2020-07', text: TIKTOK_BLOCK },
      },
    ],
  },
  {
    title: 'Is it known',
    about:
      'A device that nobody ever reported gets what `unknown` says. So does a person without a device. Where its person ' +
      'has stated something of it ([attestation.md](attestation.md)), the statement counts instead, for the platform that ' +
      'the link named: the mandates are asked, and what they ask for cannot be seen.',
    cases: [
      {
        situation: 'A device nobody reported, `unknown: allow`',
        given: { device: IPHONE, unreported: true },
        then: { outcome: 'allow', reason: 'unknown_device' },
      },
      {
        situation: 'A device nobody reported, `unknown: warn`',
        given: { device: IPHONE, unreported: true, policy: { unknown: 'warn' } },
        then: { outcome: 'warn', reason: 'unknown_device', text: UNKNOWN },
      },
      {
        situation: 'A device nobody reported, `unknown: block`',
        given: { device: IPHONE, unreported: true, policy: { unknown: 'block' } },
        then: { outcome: 'block', reason: 'unknown_device', text: UNKNOWN },
      },
      {
        situation:
          'A client that proves no device, `unidentified: owner`; its owner has no device, `unknown: block`',
        given: { device: null, owned: [], policy: { unknown: 'block' } },
        then: { outcome: 'block', reason: 'unknown_device', text: UNKNOWN },
      },
      {
        situation: 'The same; the owner has an iPhone, the client says it runs on Android',
        given: { device: null, owned: [IPHONE], hint: 'android', policy: { unknown: 'block' } },
        then: { outcome: 'block', reason: 'unknown_device', text: UNKNOWN },
      },
      {
        situation:
          'An iPhone nobody reported, of which its person has stated that TikTok is not there, `unknown: block`',
        given: { device: IPHONE, unreported: true, stated: [STATED], policy: { unknown: 'block' } },
        then: { outcome: 'allow', reason: 'attested', until: '2020-07-06T07:00:00Z' },
      },
      {
        situation: 'The same after the deadline of the mandate about TikTok',
        given: {
          at: OVERDUE,
          device: IPHONE,
          unreported: true,
          stated: [STATED],
          policy: { unknown: 'block' },
        },
        then: { outcome: 'allow', reason: 'attested', rule: 'tiktok-2020-07', until: STATED.until },
      },
      {
        situation: 'The same after the deadline of another mandate, about WeChat',
        given: {
          at: OVERDUE,
          device: IPHONE,
          unreported: true,
          stated: [STATED],
          policy: { ...BOTH_MANDATES, unknown: 'block' },
        },
        then: { outcome: 'block', reason: 'mandate_unseen', rule: 'wechat-2020-07', text: UNSEEN_WECHAT },
      },
      {
        situation:
          'The mandate was taken out of the policy: the statement still counts instead of `unknown: block`',
        given: {
          at: OVERDUE,
          device: IPHONE,
          unreported: true,
          stated: [STATED],
          policy: { mandates: [], unknown: 'block' },
        },
        then: { outcome: 'allow', reason: 'attested', until: STATED.until },
      },
      {
        situation: 'The statement has ended',
        given: {
          at: STATED.until,
          device: IPHONE,
          unreported: true,
          stated: [STATED],
          policy: { unknown: 'block' },
        },
        then: { outcome: 'block', reason: 'unknown_device', text: UNKNOWN },
      },
      {
        situation: 'The statement is of another device, or somebody else’s',
        given: {
          device: IPHONE,
          unreported: true,
          stated: [
            { ...STATED, device: 'ipad' },
            { ...STATED, user: 'bob@example.com' },
          ],
          policy: { unknown: 'block' },
        },
        then: { outcome: 'block', reason: 'unknown_device', text: UNKNOWN },
      },
      {
        situation: 'An iPhone nobody reported, with a statement, and a lock on it',
        given: {
          device: IPHONE,
          unreported: true,
          stated: [STATED],
          overrides: [{ kind: 'lock', device: 'iphone' }],
        },
        then: blockedAs('lock:device:iphone'),
      },
      {
        situation:
          'A client that proves no device, `unidentified: owner`; its owner has no device and has stated something of an iPhone, `unknown: block`',
        given: { device: null, owned: [], stated: [STATED], policy: { unknown: 'block' } },
        then: { outcome: 'allow', reason: 'attested' },
      },
      {
        situation: 'The same; the owner has a non-compliant laptop: what was reported decides',
        given: { device: null, owned: [{ ...LAPTOP, state: 'noncompliant' }], stated: [STATED] },
        then: { outcome: 'block', reason: 'noncompliant', text: NONCOMPLIANT },
      },
    ],
  },
  {
    title: 'Is the evidence fresh',
    about:
      'Evidence older than `stale.after` gets `stale.action`. In the steps 7 to 9 the worst outcome wins, and the ' +
      'earlier step where two say the same: a block on stale evidence stays a block.',
    cases: [
      {
        situation: 'A compliant iPhone, a millisecond before its report is 7 days old',
        given: { at: '2020-06-27T08:59:59.999Z', device: { ...IPHONE, reported: OLD_REPORT } },
        then: { outcome: 'allow', reason: 'compliant', until: '2020-06-27T09:00:00Z' },
      },
      {
        situation: 'A compliant iPhone whose report is 7 days old',
        given: { at: '2020-06-27T09:00:00Z', device: { ...IPHONE, reported: OLD_REPORT } },
        then: { outcome: 'warn', reason: 'stale', text: STALE },
      },
      {
        situation: 'The same, `stale.action: block`',
        given: {
          device: { ...IPHONE, reported: OLD_REPORT },
          policy: { stale: { afterMs: 604_800_000, action: 'block' } },
        },
        then: { outcome: 'block', reason: 'stale', text: STALE },
      },
      {
        situation: 'The same, `stale.action: allow`',
        given: {
          device: { ...IPHONE, reported: OLD_REPORT },
          policy: { stale: { afterMs: 604_800_000, action: 'allow' } },
        },
        then: { outcome: 'allow', reason: 'stale' },
      },
      {
        situation: 'A non-compliant iPhone whose report is stale',
        given: { device: { ...BAD_IPHONE, reported: OLD_REPORT } },
        then: { outcome: 'block', reason: 'noncompliant', text: NONCOMPLIANT },
      },
      {
        situation: 'An iPhone in grace whose report is stale',
        given: { device: { ...GRACE_IPHONE, reported: OLD_REPORT } },
        then: { outcome: 'warn', reason: 'stale', text: STALE },
      },
      {
        situation: 'An iPhone with TikTok after the deadline whose report is stale',
        given: { at: OVERDUE, device: { ...TIKTOK_IPHONE, reported: OLD_REPORT } },
        then: { outcome: 'block', reason: 'mandate_deadline', rule: 'tiktok-2020-07', text: TIKTOK_BLOCK },
      },
      {
        situation: 'The fleet’s lease ran out (not with the embedded store); a compliant iPhone',
        given: { device: IPHONE, leaseRanOut: true },
        then: { outcome: 'warn', reason: 'stale', text: STALE },
      },
      {
        situation: 'The fleet’s lease ran out; a non-compliant iPhone stays blocked',
        given: { device: BAD_IPHONE, leaseRanOut: true },
        then: { outcome: 'block', reason: 'noncompliant', text: NONCOMPLIANT },
      },
      {
        situation: 'The fleet’s lease ran out; an iPhone in grace, `stale.action: block`',
        given: {
          device: GRACE_IPHONE,
          leaseRanOut: true,
          policy: { stale: { afterMs: 604_800_000, action: 'block' } },
        },
        then: { outcome: 'block', reason: 'stale', text: STALE },
      },
    ],
  },
  {
    title: 'Mandates',
    about:
      'A mandate is about a finding on some platforms. Before `warn_from` it says nothing, then it warns, and from the ' +
      'deadline on it blocks, until its end if it has one. `stages` say whom the deadline applies to from when on; ' +
      '`groups` say whom the mandate is about at all; `mode` says the most it may do, and what is `silent` never hides ' +
      'what somebody gets for another reason. Where the source of a device says that it cannot see such findings ' +
      '(`unseen:app`), the mandate gives what `unknown` says, before the deadline a warning at most. Here: TikTok on ios ' +
      'and android, `warn_from` 6 July 07:00 UTC, deadline 11 July 06:59 UTC.',
    cases: [
      {
        situation: 'An iPhone with TikTok before `warn_from`',
        given: { at: '2020-07-05T09:00:00Z', device: TIKTOK_IPHONE },
        then: { outcome: 'allow', reason: 'compliant', until: '2020-07-06T07:00:00Z' },
      },
      {
        situation: 'An iPhone with TikTok from `warn_from` on',
        given: { at: '2020-07-06T07:00:00Z', device: TIKTOK_IPHONE },
        then: {
          outcome: 'warn',
          reason: 'mandate_warning',
          rule: 'tiktok-2020-07',
          text: TIKTOK_WARNING,
          until: '2020-07-11T06:59:00Z',
        },
      },
      {
        situation: 'An iPhone with TikTok from the deadline on',
        given: { at: '2020-07-11T06:59:00Z', device: TIKTOK_IPHONE },
        then: { outcome: 'block', reason: 'mandate_deadline', rule: 'tiktok-2020-07', text: TIKTOK_BLOCK },
      },
      {
        situation: 'An Android phone with TikTok after the deadline',
        given: { at: OVERDUE, device: { ...TIKTOK_IPHONE, id: 'pixel', platform: 'android' } },
        then: { outcome: 'block', reason: 'mandate_deadline', rule: 'tiktok-2020-07', text: TIKTOK_BLOCK },
      },
      {
        situation: 'A laptop with TikTok after the deadline: not a platform of the mandate',
        given: { at: OVERDUE, device: { ...LAPTOP, findings: [TIKTOK] } },
        then: { outcome: 'allow', reason: 'compliant' },
      },
      {
        situation: 'An iPhone with other findings after the deadline',
        given: { at: OVERDUE, device: { ...IPHONE, findings: ['jailbreak', WECHAT] } },
        then: { outcome: 'allow', reason: 'compliant' },
      },
      {
        situation: 'The mandate was taken out of the policy; an iPhone with TikTok',
        given: { at: OVERDUE, device: TIKTOK_IPHONE, policy: { mandates: [] } },
        then: { outcome: 'allow', reason: 'compliant' },
      },
      {
        situation: 'A mandate without `warn_from`, before its deadline',
        given: {
          at: WARNED,
          device: TIKTOK_IPHONE,
          policy: { mandates: [{ ...FRIDAY_MANDATE, warnFrom: FRIDAY_MANDATE.deadline }] },
        },
        then: { outcome: 'allow', reason: 'compliant', until: '2020-07-11T06:59:00Z' },
      },
      {
        situation: 'A non-compliant iPhone with TikTok in the warning time',
        given: { at: WARNED, device: { ...BAD_IPHONE, findings: [TIKTOK] } },
        then: { outcome: 'block', reason: 'noncompliant', text: NONCOMPLIANT },
      },
      {
        situation: 'An iPhone in grace with TikTok in the warning time',
        given: { at: WARNED, device: { ...GRACE_IPHONE, findings: [TIKTOK] } },
        then: { outcome: 'warn', reason: 'mandate_warning', rule: 'tiktok-2020-07', text: TIKTOK_WARNING },
      },
      {
        situation: 'Two mandates warn: the one with the nearer deadline (WeChat, 9 July 06:59 UTC) is told',
        given: { at: WARNED, device: BOTH_APPS_IPHONE, policy: BOTH_MANDATES },
        then: {
          outcome: 'warn',
          reason: 'mandate_warning',
          rule: 'wechat-2020-07',
          text: WECHAT_WARNING,
          until: '2020-07-09T06:59:00Z',
        },
      },
      {
        situation: 'One of two mandates is past its deadline',
        given: { at: '2020-07-09T09:00:00Z', device: BOTH_APPS_IPHONE, policy: BOTH_MANDATES },
        then: {
          outcome: 'block',
          reason: 'mandate_deadline',
          rule: 'wechat-2020-07',
          text: WECHAT_BLOCK,
          until: '2020-07-11T06:59:00Z',
        },
      },
      {
        situation: 'Both mandates are past their deadlines: the first one still speaks',
        given: { at: OVERDUE, device: BOTH_APPS_IPHONE, policy: BOTH_MANDATES },
        then: { outcome: 'block', reason: 'mandate_deadline', rule: 'wechat-2020-07', text: WECHAT_BLOCK },
      },
      {
        situation: 'A mandate with `until: 2020-08-01T00:00:00Z`, after its deadline',
        given: { at: OVERDUE, device: TIKTOK_IPHONE, policy: ENDED },
        then: {
          outcome: 'block',
          reason: 'mandate_deadline',
          rule: 'tiktok-2020-07',
          text: TIKTOK_BLOCK,
          until: '2020-07-18T08:00:00Z',
        },
      },
      {
        situation: 'The same from `until` on',
        given: { at: '2020-08-01T00:00:00Z', device: TIKTOK_IPHONE, policy: ENDED },
        then: { outcome: 'allow', reason: 'compliant' },
      },
      {
        situation: '`mode: silent`, an iPhone with TikTok in the warning time',
        given: { at: WARNED, device: TIKTOK_IPHONE, policy: ladder({ mode: 'silent' }) },
        then: {
          outcome: 'warn',
          reason: 'mandate_warning',
          enforced: false,
          rule: 'tiktok-2020-07',
          text: TIKTOK_WARNING,
        },
      },
      {
        situation: '`mode: silent`, an iPhone with TikTok after the deadline',
        given: { at: OVERDUE, device: TIKTOK_IPHONE, policy: ladder({ mode: 'silent' }) },
        then: {
          outcome: 'block',
          reason: 'mandate_deadline',
          enforced: false,
          rule: 'tiktok-2020-07',
          text: TIKTOK_BLOCK,
        },
      },
      {
        situation: '`mode: silent`, an iPhone in grace with TikTok after the deadline: grace is what it gets',
        given: {
          at: OVERDUE,
          device: { ...GRACE_IPHONE, findings: [TIKTOK] },
          policy: ladder({ mode: 'silent' }),
        },
        then: { outcome: 'warn', reason: 'grace', text: GRACE },
      },
      {
        situation: '`mode: warn`, an iPhone with TikTok after the deadline',
        given: { at: OVERDUE, device: TIKTOK_IPHONE, policy: ladder({ mode: 'warn' }) },
        then: { outcome: 'warn', reason: 'mandate_warning', rule: 'tiktok-2020-07', text: TIKTOK_BLOCK },
      },
      {
        situation:
          'Stages of 10 % from the deadline and 50 % a day later; an iPad that the second one reaches, before it',
        given: { at: '2020-07-12T06:58:59Z', device: TIKTOK_IPAD, policy: STAGED },
        then: {
          outcome: 'warn',
          reason: 'mandate_warning',
          rule: 'tiktok-2020-07',
          text: TIKTOK_STAGE_WARNING,
          until: '2020-07-12T06:59:00Z',
        },
      },
      {
        situation: 'The same iPad from the second stage on',
        given: { at: '2020-07-12T06:59:00Z', device: TIKTOK_IPAD, policy: STAGED },
        then: { outcome: 'block', reason: 'mandate_deadline', rule: 'tiktok-2020-07', text: TIKTOK_BLOCK },
      },
      {
        situation: 'A phone that no stage reaches is still warned',
        given: { at: '2020-07-12T06:59:00Z', device: TIKTOK_IPHONE, policy: STAGED },
        then: { outcome: 'warn', reason: 'mandate_warning', rule: 'tiktok-2020-07', text: TIKTOK_BLOCK },
      },
      {
        situation: 'A stage for the group of the owner, `{ groups: [pilot], from: the deadline }`',
        given: {
          at: OVERDUE,
          device: TIKTOK_IPHONE,
          policy: ladder({ stages: [{ groups: ['pilot'], from: FRIDAY_MANDATE.deadline }] }),
        },
        then: { outcome: 'block', reason: 'mandate_deadline', rule: 'tiktok-2020-07', text: TIKTOK_BLOCK },
      },
      {
        situation: 'A stage for another group: still warned',
        given: {
          at: OVERDUE,
          device: TIKTOK_IPHONE,
          policy: ladder({ stages: [{ groups: ['it'], from: FRIDAY_MANDATE.deadline }] }),
        },
        then: { outcome: 'warn', reason: 'mandate_warning', rule: 'tiktok-2020-07', text: TIKTOK_BLOCK },
      },
      {
        situation: 'A mandate with `groups: [it]`, which has this iPhone’s id',
        given: {
          at: OVERDUE,
          device: { ...TIKTOK_IPHONE, id: 'it-iphone' },
          policy: ladder({ groups: ['it'] }),
        },
        then: { outcome: 'block', reason: 'mandate_deadline', rule: 'tiktok-2020-07', text: TIKTOK_BLOCK },
      },
      {
        situation: 'The same; an iPhone in no group of the mandate',
        given: { at: OVERDUE, device: TIKTOK_IPHONE, policy: ladder({ groups: ['it'] }) },
        then: { outcome: 'allow', reason: 'compliant' },
      },
      {
        situation: 'Two mandates about TikTok, one silent: the other speaks',
        given: {
          at: OVERDUE,
          device: TIKTOK_IPHONE,
          policy: {
            mandates: [
              { ...FRIDAY_MANDATE, id: 'draft', mode: 'silent', deadline: FRIDAY_MANDATE.warnFrom },
              FRIDAY_MANDATE,
            ],
          },
        },
        then: { outcome: 'block', reason: 'mandate_deadline', rule: 'tiktok-2020-07', text: TIKTOK_BLOCK },
      },
      {
        situation: 'An iPhone whose apps cannot be seen (`unseen:app`), after the deadline, `unknown: allow`',
        given: { at: OVERDUE, device: OWN_IPHONE },
        then: { outcome: 'allow', reason: 'compliant' },
      },
      {
        situation: 'An iPhone whose apps cannot be seen, before `warn_from`, `unknown: block`',
        given: { at: '2020-07-05T09:00:00Z', device: OWN_IPHONE, policy: { unknown: 'block' } },
        then: { outcome: 'allow', reason: 'compliant', until: '2020-07-06T07:00:00Z' },
      },
      {
        situation: 'An iPhone whose apps cannot be seen, in the warning time, `unknown: block`',
        given: { at: WARNED, device: OWN_IPHONE, policy: { unknown: 'block' } },
        then: {
          outcome: 'warn',
          reason: 'mandate_unseen',
          rule: 'tiktok-2020-07',
          text: UNSEEN_WARNING,
          until: '2020-07-11T06:59:00Z',
        },
      },
      {
        situation: 'An iPhone whose apps cannot be seen, after the deadline, `unknown: block`',
        given: { at: OVERDUE, device: OWN_IPHONE, policy: { unknown: 'block' } },
        then: { outcome: 'block', reason: 'mandate_unseen', rule: 'tiktok-2020-07', text: UNSEEN_BLOCK },
      },
      {
        situation: 'An iPhone whose apps cannot be seen, after the deadline, `unknown: warn`',
        given: { at: OVERDUE, device: OWN_IPHONE, policy: { unknown: 'warn' } },
        then: { outcome: 'warn', reason: 'mandate_unseen', rule: 'tiktok-2020-07', text: UNSEEN_BLOCK },
      },
      {
        situation: 'An iPhone whose apps cannot be seen and that has TikTok all the same: seen is seen',
        given: {
          at: OVERDUE,
          device: { ...IPHONE, findings: ['unseen:app', TIKTOK] },
          policy: { unknown: 'block' },
        },
        then: { outcome: 'block', reason: 'mandate_deadline', rule: 'tiktok-2020-07', text: TIKTOK_BLOCK },
      },
      {
        situation:
          'An iPhone of which the rules cannot be seen (`unseen:policy`): the mandate is about an app',
        given: {
          at: OVERDUE,
          device: { ...IPHONE, findings: ['unseen:policy'] },
          policy: { unknown: 'block' },
        },
        then: { outcome: 'allow', reason: 'compliant' },
      },
      {
        situation: 'A laptop whose apps cannot be seen, `unknown: block`: not a platform of the mandate',
        given: { at: OVERDUE, device: { ...LAPTOP, findings: ['unseen:app'] }, policy: { unknown: 'block' } },
        then: { outcome: 'allow', reason: 'compliant' },
      },
      {
        situation:
          'An iPhone whose apps cannot be seen, after the deadline, `unknown: block`; its person has stated that TikTok is not there',
        given: { at: OVERDUE, device: OWN_IPHONE, stated: [STATED], policy: { unknown: 'block' } },
        then: { outcome: 'allow', reason: 'attested', rule: 'tiktok-2020-07', until: STATED.until },
      },
      {
        situation: 'The same once the statement has ended',
        given: { at: STATED.until, device: OWN_IPHONE, stated: [STATED], policy: { unknown: 'block' } },
        then: { outcome: 'block', reason: 'mandate_unseen', rule: 'tiktok-2020-07', text: UNSEEN_BLOCK },
      },
      {
        situation: 'The same where TikTok is seen all the same: a statement does not hide it',
        given: {
          at: OVERDUE,
          device: { ...IPHONE, findings: ['unseen:app', TIKTOK] },
          stated: [STATED],
          policy: { unknown: 'block' },
        },
        then: { outcome: 'block', reason: 'mandate_deadline', rule: 'tiktok-2020-07', text: TIKTOK_BLOCK },
      },
      {
        situation: 'A statement, and a manager that says noncompliant',
        given: {
          at: OVERDUE,
          device: { ...OWN_IPHONE, state: 'noncompliant' },
          stated: [STATED],
          policy: { unknown: 'block' },
        },
        then: { outcome: 'block', reason: 'noncompliant', text: NONCOMPLIANT },
      },
      {
        situation: 'A statement about another app',
        given: {
          at: OVERDUE,
          device: OWN_IPHONE,
          stated: [{ ...STATED, finding: WECHAT }],
          policy: { unknown: 'block' },
        },
        then: { outcome: 'block', reason: 'mandate_unseen', rule: 'tiktok-2020-07', text: UNSEEN_BLOCK },
      },
      {
        situation: '`mode: warn`, an iPhone whose apps cannot be seen, after the deadline, `unknown: block`',
        given: {
          at: OVERDUE,
          device: OWN_IPHONE,
          policy: { ...ladder({ mode: 'warn' }), unknown: 'block' },
        },
        then: { outcome: 'warn', reason: 'mandate_unseen', rule: 'tiktok-2020-07', text: UNSEEN_BLOCK },
      },
      {
        situation:
          '`mode: silent`, an iPhone whose apps cannot be seen, after the deadline, `unknown: block`',
        given: {
          at: OVERDUE,
          device: OWN_IPHONE,
          policy: { ...ladder({ mode: 'silent' }), unknown: 'block' },
        },
        then: {
          outcome: 'block',
          reason: 'mandate_unseen',
          enforced: false,
          rule: 'tiktok-2020-07',
          text: UNSEEN_BLOCK,
        },
      },
      {
        situation:
          'The stages of above; an iPad whose apps cannot be seen, from its stage on, `unknown: block`',
        given: {
          at: '2020-07-12T06:59:00Z',
          device: { ...OWN_IPHONE, id: 'ipad' },
          policy: { ...STAGED, unknown: 'block' },
        },
        then: { outcome: 'block', reason: 'mandate_unseen', rule: 'tiktok-2020-07', text: UNSEEN_BLOCK },
      },
      {
        situation: 'A mandate with `groups: [it]`; an iPhone in none of them whose apps cannot be seen',
        given: {
          at: OVERDUE,
          device: OWN_IPHONE,
          policy: { ...ladder({ groups: ['it'] }), unknown: 'block' },
        },
        then: { outcome: 'allow', reason: 'compliant' },
      },
      {
        situation: 'The end of the mandate has come; an iPhone whose apps cannot be seen, `unknown: block`',
        given: {
          at: '2020-08-01T00:00:00Z',
          device: OWN_IPHONE,
          policy: { ...ENDED, unknown: 'block' },
        },
        then: { outcome: 'allow', reason: 'compliant' },
      },
    ],
  },
  {
    title: 'Baseline',
    about:
      'What device management last said of the device: `noncompliant`, `grace` or `unknown`, each as the policy says.',
    cases: [
      {
        situation: 'A non-compliant iPhone, `noncompliant: block`',
        given: { device: BAD_IPHONE },
        then: { outcome: 'block', reason: 'noncompliant', text: NONCOMPLIANT },
      },
      {
        situation: 'A non-compliant iPhone, `noncompliant: warn`',
        given: { device: BAD_IPHONE, policy: { noncompliant: 'warn' } },
        then: { outcome: 'warn', reason: 'noncompliant', text: NONCOMPLIANT },
      },
      {
        situation: 'A non-compliant iPhone, `noncompliant: allow`',
        given: { device: BAD_IPHONE, policy: { noncompliant: 'allow' } },
        then: { outcome: 'allow', reason: 'noncompliant' },
      },
      {
        situation: 'An iPhone in grace, `grace: warn`',
        given: { device: GRACE_IPHONE },
        then: { outcome: 'warn', reason: 'grace', text: GRACE },
      },
      {
        situation: 'An iPhone in grace, `grace: allow`',
        given: { device: GRACE_IPHONE, policy: { grace: 'allow' } },
        then: { outcome: 'allow', reason: 'grace' },
      },
      {
        situation: 'An iPhone of which device management knows no state, `unknown: allow`',
        given: { device: UNTOLD_IPHONE },
        then: { outcome: 'allow', reason: 'unknown_state' },
      },
      {
        situation: 'An iPhone of which device management knows no state, `unknown: block`',
        given: { device: UNTOLD_IPHONE, policy: { unknown: 'block' } },
        then: { outcome: 'block', reason: 'unknown_state', text: UNKNOWN_STATE },
      },
    ],
  },
  {
    title: 'Allow',
    about: 'Nothing speaks against it.',
    cases: [
      {
        situation: 'A compliant iPhone',
        given: { device: IPHONE },
        then: { outcome: 'allow', reason: 'compliant' },
      },
      {
        situation: 'A compliant laptop with a client certificate',
        given: { device: LAPTOP, proof: 'certificate' },
        then: { outcome: 'allow', reason: 'compliant' },
      },
    ],
  },
]

/** Not a step: what is said when no step could be taken. */
export const FAULTS: Step = {
  title: 'When the gate itself fails',
  about:
    'A record or the replica cannot be read, or no policy was ever applied. `fail_mode` says whether the client gets a ' +
    'temporary refusal or is let through, each with its own reason. Nobody is refused for it where the mode would not.',
  cases: [
    {
      situation: '`fail_mode: closed`',
      given: { device: IPHONE, fault: 'closed' },
      then: {
        outcome: 'unavailable',
        reason: 'fault_closed',
        text: 'Access cannot be checked right now; please try again later.',
      },
    },
    {
      situation: '`fail_mode: open`',
      given: { device: IPHONE, fault: 'open' },
      then: { outcome: 'allow', reason: 'fault_open' },
    },
    {
      situation: '`fail_mode: closed`, `mode: monitor`',
      given: { device: IPHONE, fault: 'closed', policy: { mode: 'monitor' } },
      then: {
        outcome: 'unavailable',
        reason: 'fault_closed',
        enforced: false,
        text: 'Access cannot be checked right now; please try again later.',
      },
    },
    {
      situation: '`fail_mode: closed`, `enforcement: off` on this host',
      given: { device: IPHONE, fault: 'closed', enforcement: 'off' },
      then: {
        outcome: 'unavailable',
        reason: 'fault_closed',
        enforced: false,
        text: 'Access cannot be checked right now; please try again later.',
      },
    },
  ],
}
