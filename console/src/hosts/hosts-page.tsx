import type { JSX } from 'preact'

import { useResource } from '../api/resource'
import type { Host, Hosts } from '../api/types'
import { Badge, type Tone } from '../ui/badge'
import { Moment } from '../ui/moment'
import { Name } from '../ui/name'
import { Loaded } from '../ui/notices'
import { Table, type Column } from '../ui/table'
import { count } from '../ui/words'

const POLL_MS = 5000

const TONES: Readonly<Record<Host['standing'], Tone>> = {
  well: 'ok',
  behind: 'warn',
  'no lease': 'block',
  silent: 'block',
}

/** What of a host's blocks the fleet has: one alone keeps them to itself. */
const BLOCK_LOG: Column<Host> = {
  name: 'Block log',
  cell: ({ journal_waiting: waiting, journal_lost: lost }) =>
    waiting === null
      ? '–'
      : `${waiting === 0 ? 'forwarded' : `${count(waiting)} wait`}${lost ? `, ${count(lost)} lost` : ''}`,
}

const COLUMNS: readonly Column<Host>[] = [
  {
    name: 'Host',
    cell: ({ host, id }) => (
      <strong>
        <Name>{host ?? id}</Name>
      </strong>
    ),
  },
  { name: 'Is', cell: ({ standing }) => <Badge tone={TONES[standing]}>{standing}</Badge> },
  { name: 'Lag', cell: ({ lag }) => count(lag), figure: true },
  { name: 'Policy', cell: ({ policy_version: version }) => count(version), figure: true },
  { name: 'Workers', cell: ({ workers }) => count(workers), figure: true },
  { name: 'Sessions', cell: ({ sessions }) => count(sessions), figure: true },
  BLOCK_LOG,
  { name: 'Unreadable', cell: ({ set_aside: setAside }) => count(setAside), figure: true },
  { name: 'Version', cell: ({ version }) => version ?? '–' },
  { name: 'Running since', cell: ({ running_since: since }) => <Moment at={since} /> },
  { name: 'Last heard', cell: ({ last_heard: at }) => <Moment at={at} /> },
]

export function HostsPage(): JSX.Element {
  const hosts = useResource<Hosts>('/hosts', POLL_MS)
  return (
    <>
      <h1>Hosts</h1>
      <Loaded resource={hosts}>
        {({ items, problem, store }) => (
          <>
            {problem !== null && (
              <p class="notice bad" role="alert">
                The hosts cannot be told: {problem}
              </p>
            )}
            {items.length > 0 && (
              <Table
                caption="Hosts"
                columns={store === 'embedded' ? COLUMNS.filter((one) => one !== BLOCK_LOG) : COLUMNS}
                items={items}
                keyOf={({ id }) => id}
              />
            )}
            {store === 'embedded' && (
              <p class="muted">
                This site is one host. Hosts that share their devices and policy through Redis (
                <code>store.kind: redis</code>) are all listed here.
              </p>
            )}
          </>
        )}
      </Loaded>
    </>
  )
}
