import type { JSX } from 'preact'

import { useResource } from '../api/resource'
import type { Host, Overview } from '../api/types'
import { Badge, type Tone } from '../ui/badge'
import { Moment } from '../ui/moment'
import { Empty, Loaded } from '../ui/notices'
import { Table, type Column } from '../ui/table'
import { count, plural } from '../ui/words'

const POLL_MS = 5000

const TONES: Readonly<Record<Host['standing'], Tone>> = {
  well: 'ok',
  behind: 'warn',
  'no lease': 'block',
  silent: 'block',
}

const COLUMNS: readonly Column<Host>[] = [
  { name: 'Host', cell: ({ host, id }) => <strong>{host ?? id}</strong> },
  { name: 'Is', cell: ({ standing }) => <Badge tone={TONES[standing]}>{standing}</Badge> },
  { name: 'Lag', cell: ({ lag }) => count(lag), figure: true },
  { name: 'Policy', cell: ({ policy_version: version }) => count(version), figure: true },
  { name: 'Workers', cell: ({ workers }) => count(workers), figure: true },
  { name: 'Sessions', cell: ({ sessions }) => count(sessions), figure: true },
  {
    name: 'Block log',
    cell: ({ journal_waiting: waiting, journal_lost: lost }) =>
      waiting === null
        ? '–'
        : `${waiting === 0 ? 'forwarded' : `${count(waiting)} wait`}${lost ? `, ${count(lost)} lost` : ''}`,
  },
  { name: 'Unreadable', cell: ({ set_aside: setAside }) => count(setAside), figure: true },
  { name: 'Version', cell: ({ version }) => version ?? '–' },
  { name: 'Running since', cell: ({ running_since: since }) => <Moment at={since} /> },
  { name: 'Last heard', cell: ({ last_heard: at }) => <Moment at={at} /> },
]

export function HostsPage({ overview }: { overview: Overview | undefined }): JSX.Element {
  const hosts = useResource<{ readonly items: readonly Host[] }>('/hosts', POLL_MS)
  return (
    <>
      <h1>Hosts</h1>
      <Loaded resource={hosts}>
        {({ items }) =>
          items.length > 0 ? (
            <Table caption="Hosts of the fleet" columns={COLUMNS} items={items} keyOf={({ id }) => id} />
          ) : (
            <Empty>
              <p>
                {overview
                  ? `This site is one host, ${overview.host}, with ${plural(overview.workers, 'worker')} and ${plural(overview.sessions, 'session')}.`
                  : 'This site is one host.'}
              </p>
              <p>
                Hosts that share their devices and policy through Redis (<code>store.kind: redis</code>) are
                all listed here.
              </p>
            </Empty>
          )
        }
      </Loaded>
    </>
  )
}
