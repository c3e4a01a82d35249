import fs from 'node:fs'
import path from 'node:path'

/** One row of the table of outages in docs/fleet.md. */
export interface OutageRow {
  readonly fails: string
  readonly clients: string
  readonly ops: string
  readonly heals: string
}

const GO_ON = 'nothing for `lease_s`; then "compliant" counts as stale. Blocks stay'

/** What the fleet store promises when something fails. Each row has its test; the document has just these rows. */
export const OUTAGES = {
  down: {
    fails: 'Redis is down, or cannot be reached',
    clients: GO_ON,
    ops: '`unreachable` in the log and in `status`; commands read on with a note; a write waits 8 s and is then refused',
    heals: 'Redis answers again: hosts take in what they missed',
  },
  hangs: {
    fails: 'Redis hangs (a stopped process, a dead disk)',
    clients: GO_ON,
    ops: '`unreachable` within 5 s; a write without an answer says that it may have been done',
    heals: 'it answers again',
  },
  slow: {
    fails: 'Redis is slow',
    clients: 'changes come later; decisions never wait',
    ops: 'writes wait for their answer, 4 s at most',
    heals: 'by itself',
  },
  password: {
    fails: 'the password or the ACL user is wrong, or changed',
    clients: GO_ON,
    ops: '`refused` with the server’s word; writes are refused',
    heals: 'the password file or Redis is mended: no restart',
  },
  readOnly: {
    fails: 'the server became a replica, or is one',
    clients: GO_ON,
    ops: '`read_only`; writes are refused',
    heals: 'it takes writes again, or the Sentinels name the new primary',
  },
  memory: {
    fails: 'Redis is out of memory',
    clients: GO_ON,
    ops: '`out_of_memory`; writes are refused, nothing is half done',
    heals: 'more memory',
  },
  noWrites: {
    fails: 'Redis takes no writes (`min-replicas-to-write`, a full disk of its own)',
    clients: GO_ON,
    ops: '`no_writes` with the server’s word',
    heals: 'as soon as it takes them',
  },
  startWithReplica: {
    fails: 'Redis is away when a host starts that has a copy',
    clients: 'decisions from the copy; "compliant" counts as stale once its lease has run out',
    ops: '`unreachable`; the host is `silent` to the others',
    heals: 'Redis answers: no snapshot is needed',
  },
  startWithout: {
    fails: 'Redis is away when a host starts that has no copy',
    clients: 'what `fail_mode` says: there is no policy to decide by',
    ops: '`unreachable`, `fault_closed` or `fault_open`',
    heals: 'Redis answers: the store is copied',
  },
  split: {
    fails: 'one host is cut off from Redis, the others are not',
    clients: 'on that host: ' + GO_ON,
    ops: 'the others see it `silent` after 10 s; `mode` does not wait for it',
    heals: 'the way is open again: it takes in what it missed',
  },
  failover: {
    fails: 'Sentinel fails over',
    clients: 'nothing',
    ops: 'a write waits for the new primary',
    heals: 'by itself, in some seconds',
  },
  lostTail: {
    fails: 'a failover, or a restored backup, lost acknowledged changes',
    clients: 'decisions as the store has it now',
    ops: 'an error on each host names which entries were lost and who wrote them',
    heals: 'hosts by themselves; the lost changes by writing them again',
  },
  emptied: {
    fails: 'Redis was emptied (FLUSHALL, a restart without its data)',
    clients: GO_ON,
    ops: '`store_lost`; writes are refused, from new hosts too',
    heals: '`device-gate store restore` on a host that has the data, or a backup of Redis',
  },
  anew: {
    fails: 'the store was begun anew, or a host was away longer than the log remembers',
    clients: 'the old data until the new is whole, never a mixture',
    ops: 'the log says why a snapshot is taken',
    heals: 'by itself',
  },
  unreadable: {
    fails: 'a record in Redis is damaged, too large, or of a newer version',
    clients: 'that device: what `fail_mode` says; all others: nothing',
    ops: '`status` counts it as set aside and names it',
    heals: 'writing the record again, or updating the host',
  },
  foreign: {
    fails: 'something else writes under the prefix',
    clients: 'nothing',
    ops: 'a warning names the entry; a key of the wrong type is `damaged`, and writes are refused',
    heals: 'moving it away',
  },
  newer: {
    fails: 'the store is of a newer version of the gate',
    clients: GO_ON,
    ops: '`newer_store`',
    heals: 'updating the host',
  },
  tooOld: {
    fails: 'Redis is older than 6.2',
    clients: 'as when it is away',
    ops: '`too_old` with both versions',
    heals: 'another Redis',
  },
  disk: {
    fails: 'the host’s own disk is full',
    clients: GO_ON,
    ops: '`replica` with the path; the other hosts go on',
    heals: 'room on the disk',
  },
  killed: {
    fails: 'Haraka’s master is killed, also in the middle of a snapshot',
    clients: 'its connections end',
    ops: 'the host is `silent`',
    heals: 'starting it again: from where it was',
  },
  worker: {
    fails: 'a worker is killed',
    clients: 'its connections end; the other workers go on',
    ops: 'Haraka’s log; `status` counts the workers of each host',
    heals: 'Haraka starts another, which decides from the same copy',
  },
  clock: {
    fails: 'a host’s clock jumps',
    clients: '"compliant" may count as stale for a second',
    ops: 'nothing',
    heals: 'the next heartbeat',
  },
} as const satisfies Readonly<Record<string, OutageRow>>

export type Outage = keyof typeof OUTAGES

/** The title of the test that shows a row of the table. */
export const shows = (outage: Outage): string => `${OUTAGES[outage].fails} [${outage}]`

/** The rows that the README shows, and what of them. */
export const README_OUTAGES: readonly Outage[] = [
  'down',
  'split',
  'failover',
  'lostTail',
  'emptied',
  'disk',
  'killed',
  'worker',
  'clock',
]

/** Rows that no test of this directory, or of real Haraka in a fleet, shows. */
export function unproven(): string[] {
  const tests = fs.readdirSync(__dirname).filter((name) => name.endsWith('.test.ts'))
  const text = [...tests, '../../e2e/fleet.test.ts']
    .map((name) => fs.readFileSync(path.join(__dirname, name), 'utf8'))
    .join('\n')
  return Object.keys(OUTAGES).filter(
    (key) => !text.includes(`shows('${key}')`) && !text.includes(`outage: '${key}'`),
  )
}

/** The table as the document has it. */
export const outageTable = (): string =>
  [
    '| what fails | what clients see | what ops see | what heals |',
    '|---|---|---|---|',
    ...Object.values<OutageRow>(OUTAGES).map(
      ({ fails, clients, ops, heals }) => `| ${fails} | ${clients} | ${ops} | ${heals} |`,
    ),
  ].join('\n')

/** The same in short, for the README. */
export const shortOutageTable = (): string =>
  [
    '| what fails | what clients see | what heals |',
    '|---|---|---|',
    ...README_OUTAGES.map((outage) => {
      const { fails, clients, heals } = OUTAGES[outage]
      return `| ${fails} | ${clients} | ${heals} |`
    }),
  ].join('\n')

/** What stands between the marks of a document. */
export const between = (document: string): string | undefined =>
  fs
    .readFileSync(path.resolve(__dirname, '../../..', document), 'utf8')
    .split(/<!-- \/?outages -->/)[1]
    ?.trim()
