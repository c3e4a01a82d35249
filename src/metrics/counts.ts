import type { Decision } from '../policy/decision'
import { OUTCOMES, PROTOCOLS, REASONS, type Protocol } from '../policy/vocabulary'
import { DECISION_SECONDS, TIMED_ONE_IN, type MetricName } from './catalogue'
import {
  CERTIFICATE_RESULTS,
  LOGIN_RESULTS,
  OUTCOMES_OF,
  PROXY_HEADER_PROBLEMS,
  TOKEN_RESULTS,
  UPSTREAM_PROBLEMS,
  type CertificateResult,
  type LoginResult,
  type ProxyHeaderProblem,
  type TokenResult,
  type UpstreamProblem,
} from './words'

/** One series that a process counts, at its place in the process' array. */
export interface Series {
  /** As it is told to the process that sums, which may be of another version after an upgrade. */
  readonly name: string
  readonly metric: MetricName
  readonly labels: Readonly<Record<string, string>>
  /** Told before it was ever counted: what first appears with a value, Prometheus takes for no increase. */
  readonly always: boolean
}

const series: Series[] = []

/** The place of a new series. */
function place(metric: MetricName, labels: Readonly<Record<string, string>> = {}, always = true): number {
  const name = [metric, ...Object.values(labels)].join(' ')
  return series.push({ name, metric, labels, always }) - 1
}

const table = <K extends string, V>(keys: readonly K[], make: (key: K) => V): Readonly<Record<K, V>> =>
  Object.fromEntries(keys.map((key) => [key, make(key)])) as Record<K, V>

const DECISIONS = table(PROTOCOLS, (protocol) =>
  table(OUTCOMES, (outcome) =>
    table(REASONS, (reason) =>
      table(['true', 'false'], (enforced) =>
        place(
          'device_gate_decisions_total',
          { protocol, outcome, reason, enforced },
          OUTCOMES_OF[reason].includes(outcome),
        ),
      ),
    ),
  ),
)
const LOGINS = table(LOGIN_RESULTS, (result) => place('device_gate_imap_logins_total', { result }))
const TOKENS = table(TOKEN_RESULTS, (result) => place('device_gate_oauth_tokens_total', { result }))
const CERTIFICATES = table(CERTIFICATE_RESULTS, (result) =>
  place('device_gate_client_certificates_total', { result }),
)
const UPSTREAM = table(UPSTREAM_PROBLEMS, (kind) => place('device_gate_upstream_errors_total', { kind }))
const PROXY_HEADERS = table(PROXY_HEADER_PROBLEMS, (kind) =>
  place('device_gate_proxy_headers_refused_total', { kind }),
)
const FAIL_OPEN = place('device_gate_fail_open_total')
const JOURNAL_LOST = place('device_gate_journal_lost_total')
const HIT = place('device_gate_decision_cache_total', { result: 'hit' })
const MISS = place('device_gate_decision_cache_total', { result: 'miss' })
/** What lies in one bucket and in none below; the last has no upper bound. */
const BUCKETS = [...DECISION_SECONDS.map(String), '+Inf'].map((le) =>
  place('device_gate_decision_seconds', { le }),
)
const SECONDS = place('device_gate_decision_seconds', { le: 'sum' })

/** Every series that is counted, by its place. */
export const SERIES: readonly Series[] = series

/** What was counted, by the names of the series; a series that is not there is 0. */
export type Counted = Readonly<Record<string, number>>

/**
 * What one process counts, as numbers in one array: to count allocates nothing. A look-up, which takes some 60 ns,
 * counts down to the next one that is timed, and is told from that.
 */
export class Counts {
  readonly #values = new Float64Array(SERIES.length)
  #timed = 0
  #untilTimed = TIMED_ONE_IN

  /** What a decision did to a client. */
  decided(protocol: Protocol, { outcome, reason, enforced }: Decision): void {
    this.#add(DECISIONS[protocol][outcome][reason][enforced ? 'true' : 'false'])
    if (reason === 'fault_open') this.#add(FAIL_OPEN)
  }

  /** A look-up begins; true: it is to be timed. Nothing more is done where the answer is in memory. */
  lookUp(): boolean {
    this.#untilTimed -= 1
    return this.#untilTimed === 0
  }

  missed(): void {
    this.#add(MISS)
  }

  /** The look-up that was to be timed is done. */
  took(seconds: number): void {
    this.#timed += 1
    this.#untilTimed = TIMED_ONE_IN
    // -1, where it is above all bounds, is the last.
    const bucket = BUCKETS.at(DECISION_SECONDS.findIndex((bound) => seconds <= bound))
    if (bucket !== undefined) this.#add(bucket)
    this.#add(SECONDS, seconds)
  }

  loggedIn(result: LoginResult): void {
    this.#add(LOGINS[result])
  }

  tokenRead(result: TokenResult): void {
    this.#add(TOKENS[result])
  }

  certificateRead(result: CertificateResult): void {
    this.#add(CERTIFICATES[result])
  }

  upstreamFailed(problem: UpstreamProblem): void {
    this.#add(UPSTREAM[problem])
  }

  proxyHeaderRefused(problem: ProxyHeaderProblem): void {
    this.#add(PROXY_HEADERS[problem])
  }

  /** How many entries the journal of this process has lost so far. */
  set journalLost(entries: number) {
    this.#values[JOURNAL_LOST] = entries
  }

  /** Grows with whatever is counted. */
  get total(): number {
    return this.#values.reduce((sum, value) => sum + value, this.#lookUps)
  }

  get #lookUps(): number {
    return this.#timed * TIMED_ONE_IN + TIMED_ONE_IN - this.#untilTimed
  }

  counted(): Counted {
    const values = this.#values.slice()
    values[HIT] = this.#lookUps - (values[MISS] ?? 0)
    return Object.fromEntries(
      SERIES.map(({ name }, at) => [name, values[at] ?? 0] as const).filter(([, value]) => value > 0),
    )
  }

  #add(at: number, amount = 1): void {
    this.#values[at] = (this.#values[at] ?? 0) + amount
  }
}
