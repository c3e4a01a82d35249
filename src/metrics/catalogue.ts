import { MODES, OUTCOMES, PROTOCOLS, REASONS } from '../policy/vocabulary'
import {
  CERTIFICATE_RESULTS,
  CHECKS,
  EVENT_REFUSALS,
  LOGIN_RESULTS,
  PROXY_HEADER_PROBLEMS,
  RECORD_OUTCOMES,
  TOKEN_RESULTS,
  UPSTREAM_PROBLEMS,
} from './words'

export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  /** All values that each label can have: there is none whose values a client or a feed makes. */
  readonly labels: Readonly<Record<string, readonly string[]>>
  /** When it is there; left out: always. */
  readonly when?: string
}

const NO_LABELS = {}
const FLEET = 'in a fleet'
/** As the site has named them; no source can make one. */
const FEEDS = ['the name of a feed']
const MINE = 'of feeds that this host runs'

/** Upper bounds of the decision time, in seconds: a hit takes less than a microsecond, the slowest miss some. */
export const DECISION_SECONDS = [
  0.25e-6, 0.5e-6, 1e-6, 2.5e-6, 5e-6, 10e-6, 25e-6, 50e-6, 100e-6, 250e-6, 1e-3, 10e-3,
] as const

/** One decision in so many is timed. */
export const TIMED_ONE_IN = 64

/** Every metric of the gate. docs/metrics.md is made of it, and a test holds dashboards and alerts to it. */
export const METRICS = {
  device_gate_decisions_total: {
    type: 'counter',
    help: 'Decisions that clients met: IMAP logins, messages at MAIL FROM, warnings and ends of open IMAP sessions.',
    labels: { protocol: PROTOCOLS, outcome: OUTCOMES, reason: REASONS, enforced: ['true', 'false'] },
  },
  device_gate_fail_open_total: {
    type: 'counter',
    help: 'Decisions that could not be made and were passed, by fail_mode open.',
    labels: NO_LABELS,
  },
  device_gate_decision_cache_total: {
    type: 'counter',
    help: 'Look-ups of decisions, by whether the answer was in memory.',
    labels: { result: ['hit', 'miss'] },
  },
  device_gate_decision_seconds: {
    type: 'histogram',
    help: `Time a look-up of a decision took; one in ${TIMED_ONE_IN} is timed.`,
    labels: NO_LABELS,
  },
  device_gate_imap_logins_total: {
    type: 'counter',
    help: 'IMAP logins by how they ended.',
    labels: { result: LOGIN_RESULTS },
  },
  device_gate_upstream_errors_total: {
    type: 'counter',
    help: 'IMAP logins that the server of the site could not be asked about, by what kept them from it.',
    labels: { kind: UPSTREAM_PROBLEMS },
  },
  device_gate_proxy_headers_refused_total: {
    type: 'counter',
    help: 'Connections from imap.proxy_networks that were closed, by what was wrong with their PROXY header.',
    labels: { kind: PROXY_HEADER_PROBLEMS },
  },
  device_gate_client_certificates_total: {
    type: 'counter',
    help: 'Client certificates that came with an IMAP login, by what they were found to be. `unverified` ones have ended, are not valid yet, or are of another CA.',
    labels: { result: CERTIFICATE_RESULTS },
  },
  device_gate_oauth_tokens_total: {
    type: 'counter',
    help: 'OAuth tokens by what they were found to be, where identity.oauth is set. `unknown_key` and `no_keys` could not be checked.',
    labels: { result: TOKEN_RESULTS },
  },
  device_gate_oauth_keys_problem: {
    type: 'gauge',
    help: '1 while the keys of the OAuth issuer cannot be fetched, else 0. The last ones count for a day.',
    labels: NO_LABELS,
    when: 'where identity.oauth is set',
  },
  device_gate_imap_sessions: {
    type: 'gauge',
    help: 'Open IMAP sessions, told every 5 seconds.',
    labels: NO_LABELS,
  },
  device_gate_workers: {
    type: 'gauge',
    help: 'Processes of this host that decide.',
    labels: NO_LABELS,
  },
  device_gate_check_failed: {
    type: 'gauge',
    help: '1 while a check of /readyz fails, else 0.',
    labels: { check: CHECKS },
  },
  device_gate_mode: {
    type: 'gauge',
    help: '1 for the mode in force on this host, 0 for the others.',
    labels: { mode: MODES },
  },
  device_gate_policy_version: {
    type: 'gauge',
    help: 'Version of the policy in force.',
    labels: NO_LABELS,
  },
  device_gate_policy_problems: {
    type: 'gauge',
    help: 'Problems for which the policy file as it is now is not in force.',
    labels: NO_LABELS,
  },
  device_gate_config_problems: {
    type: 'gauge',
    help: 'Problems for which device_gate.yaml as it is now is not in force.',
    labels: NO_LABELS,
  },
  device_gate_orders_total: {
    type: 'counter',
    help: 'Orders in the history: policies, modes, overrides, confirmations, recalls.',
    labels: NO_LABELS,
  },
  device_gate_guard_holds: {
    type: 'gauge',
    help: 'Mandates that the guard holds back: they warn at most.',
    labels: NO_LABELS,
  },
  device_gate_held_deadline_timestamp_seconds: {
    type: 'gauge',
    help: 'The first deadline or stage that is held back, in seconds since 1970.',
    labels: NO_LABELS,
    when: 'while a mandate is held back',
  },
  device_gate_pending_edits: {
    type: 'gauge',
    help: '1 while an edit of the policy file waits to be confirmed, else 0.',
    labels: NO_LABELS,
  },
  device_gate_proposals: {
    type: 'gauge',
    help: 'Policies that wait for a second person.',
    labels: NO_LABELS,
  },
  device_gate_devices: {
    type: 'gauge',
    help: 'Devices in the replica.',
    labels: NO_LABELS,
  },
  device_gate_feed_age_seconds: {
    type: 'gauge',
    help: "Time since a feed's last complete sweep; while there was none, since the feed was added.",
    labels: { feed: FEEDS },
    when: `${MINE} and that have sweeps`,
  },
  device_gate_feed_interval_seconds: {
    type: 'gauge',
    help: 'How often a feed is swept.',
    labels: { feed: FEEDS },
    when: `${MINE} and that have sweeps`,
  },
  device_gate_feed_problem: {
    type: 'gauge',
    help: '1 while a feed fails, else 0.',
    labels: { feed: FEEDS },
    when: MINE,
  },
  device_gate_feed_held: {
    type: 'gauge',
    help: '1 while what would turn devices is set aside, else 0.',
    labels: { feed: FEEDS },
    when: `${MINE} and that write as a source of their own`,
  },
  device_gate_feed_records_total: {
    type: 'counter',
    help: 'Records that came from a source, by what became of them.',
    labels: { feed: FEEDS, outcome: RECORD_OUTCOMES },
    when: `${MINE} and that write as a source of their own`,
  },
  device_gate_feed_refused_events_total: {
    type: 'counter',
    help: 'Events for a feed that do not count, by why.',
    labels: { feed: FEEDS, code: EVENT_REFUSALS },
    when: MINE,
  },
  device_gate_replica_sequence: {
    type: 'gauge',
    help: 'Sequence of the newest change in the replica.',
    labels: NO_LABELS,
  },
  device_gate_replica_lag_seconds: {
    type: 'gauge',
    help: 'For how long the slowest worker has not taken in a change, or has not begun to decide.',
    labels: NO_LABELS,
  },
  device_gate_lease_age_seconds: {
    type: 'gauge',
    help: 'Time since the store was last known to hold just what the replica holds.',
    labels: NO_LABELS,
    when: FLEET,
  },
  device_gate_lease_seconds: {
    type: 'gauge',
    help: 'The age at which the lease runs out (store.lease_s): "compliant" becomes stale then.',
    labels: NO_LABELS,
    when: FLEET,
  },
  device_gate_fleet_problem: {
    type: 'gauge',
    help: '1 while the store of the fleet cannot be used from this host, else 0.',
    labels: NO_LABELS,
    when: FLEET,
  },
  device_gate_journal_entries: {
    type: 'gauge',
    help: 'Entries in the journal.',
    labels: NO_LABELS,
  },
  device_gate_journal_lost_total: {
    type: 'counter',
    help: 'Entries that the journal lost because the disk did not take them.',
    labels: NO_LABELS,
  },
  device_gate_journal_spool_waiting: {
    type: 'gauge',
    help: 'Entries of the journal that the fleet does not have yet.',
    labels: NO_LABELS,
    when: `${FLEET}, once its Redis was asked`,
  },
  device_gate_journal_spool_lost_total: {
    type: 'counter',
    help: 'Entries that this host forgot before the fleet had them.',
    labels: NO_LABELS,
    when: FLEET,
  },
  device_gate_info: {
    type: 'gauge',
    help: 'Always 1; the label has the version of the gate.',
    labels: { version: ['the version'] },
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>

export type MetricName = keyof typeof METRICS

/** One series at one moment. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string>>
  readonly value: number
}

/** What is known at one moment; a metric that is left out is not known now. */
export type Samples = Readonly<Partial<Record<MetricName, readonly Sample[]>>>
