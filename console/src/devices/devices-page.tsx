import type { JSX } from 'preact'

import { PLATFORMS, STATES } from '../../../src/policy/vocabulary'
import { useResource } from '../api/resource'
import type { DeviceRecord, Page } from '../api/types'
import { urlOf, type Place } from '../route'
import { StateBadge } from '../ui/badge'
import { ChoiceFilter, FilterForm, TextFilter } from '../ui/filter-form'
import { DeviceLink, UserLink } from '../ui/links'
import { Moment } from '../ui/moment'
import { Finding, Name } from '../ui/name'
import { Empty, Loaded } from '../ui/notices'
import { Pager } from '../ui/pager'
import { Table, type Column } from '../ui/table'
import { PLATFORM_WORDS } from '../ui/words'

const MAX_SHOWN = 3

/** One a line, as many as a row of a list has room for: the page of the device has all. */
const Several = ({
  items,
  show,
}: {
  items: readonly string[]
  show: (item: string) => JSX.Element
}): JSX.Element => (
  <ul class="several">
    {items.slice(0, MAX_SHOWN).map((item) => (
      <li key={item}>{show(item)}</li>
    ))}
    {items.length > MAX_SHOWN && <li class="muted">and {items.length - MAX_SHOWN} more</li>}
  </ul>
)

const COLUMNS: readonly Column<DeviceRecord>[] = [
  { name: 'Device', cell: ({ id }) => <DeviceLink id={id} /> },
  { name: 'Platform', cell: ({ platform }) => PLATFORM_WORDS[platform] },
  { name: 'State', cell: ({ state }) => <StateBadge state={state} /> },
  {
    name: 'Owner',
    cell: ({ owners }) =>
      owners.length === 0 ? (
        <span class="muted">nobody</span>
      ) : (
        <Several items={owners} show={(user) => <UserLink user={user} />} />
      ),
  },
  {
    name: 'Findings',
    cell: ({ findings }) =>
      findings.length === 0 ? (
        <span class="muted">none</span>
      ) : (
        <Several items={findings} show={(finding) => <Finding>{finding}</Finding>} />
      ),
  },
  { name: 'Evidence', cell: ({ evidence_at: at }) => <Moment at={at} /> },
  { name: 'Source', cell: ({ source }) => <Name>{source}</Name> },
]

const FILTERS = ['prefix', 'owner', 'state', 'platform'] as const
const LIMIT = '50'

export function DevicesPage({ place }: { place: Place }): JSX.Element {
  const asked = Object.fromEntries([...FILTERS, 'cursor'].map((name) => [name, place.query.get(name)]))
  const page = useResource<Page<DeviceRecord>>(urlOf('/devices', { ...asked, limit: LIMIT }))
  const narrowed = FILTERS.some((name) => place.query.has(name))
  return (
    <>
      <h1>Devices</h1>
      <FilterForm label="Filter the devices">
        <TextFilter name="prefix" label="Id begins with" />
        <TextFilter name="owner" label="Owner" hint="anna@example.com" />
        <ChoiceFilter name="state" label="State" choices={STATES.map((one) => [one, one])} />
        <ChoiceFilter
          name="platform"
          label="Platform"
          choices={PLATFORMS.map((one) => [one, PLATFORM_WORDS[one]])}
        />
      </FilterForm>
      <Loaded resource={page} lines={8}>
        {({ items, next }) => (
          <>
            {items.length === 0 ? (
              <Empty>
                {narrowed || place.query.has('cursor') ? (
                  <p>
                    {next === null
                      ? 'No device fits these filters.'
                      : 'None on this page; there may be some behind it.'}{' '}
                    <a href="/devices">Show all</a>
                  </p>
                ) : (
                  <p>
                    No device was reported yet. Let a feed report them, or import a list on the mail host:{' '}
                    <code>device-gate device import FILE</code>
                  </p>
                )}
              </Empty>
            ) : (
              <Table caption="Devices" columns={COLUMNS} items={items} keyOf={({ id }) => id} />
            )}
            <Pager place={place} next={next} />
          </>
        )}
      </Loaded>
    </>
  )
}
