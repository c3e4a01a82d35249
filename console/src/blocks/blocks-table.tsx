import type { JSX } from 'preact'

import type { Block } from '../api/types'
import { OutcomeBadge } from '../ui/badge'
import { DecisionLink, DeviceLink, UserLink } from '../ui/links'
import { Moment } from '../ui/moment'
import { Name } from '../ui/name'
import { Table, type Column } from '../ui/table'
import { count, PLATFORM_WORDS, reasonName } from '../ui/words'
import { decisionsOf, entryKey } from './entries'

const TIME: Column<Block> = { name: 'Time', cell: ({ time }) => <Moment at={time} /> }
const LAST: Column<Block> = { name: 'Last', cell: ({ last, time }) => <Moment at={last ?? time} /> }
const FIRST: Column<Block> = { name: 'First', cell: ({ first, time }) => <Moment at={first ?? time} /> }

const COLUMNS: readonly Column<Block>[] = [
  {
    name: 'Outcome',
    cell: ({ outcome, enforced }) => <OutcomeBadge outcome={outcome} enforced={enforced} />,
  },
  { name: 'Person', cell: ({ user }) => <UserLink user={user} /> },
  {
    name: 'Device',
    cell: ({ device, platform }) => (
      <>
        <DeviceLink id={device} />
        {platform !== null && <span class="muted"> {PLATFORM_WORDS[platform]}</span>}
      </>
    ),
  },
  {
    name: 'Why',
    cell: ({ reason, rule }) => (
      <>
        <span class="reason">{reasonName(reason)}</span>
        {rule !== null && (
          <span class="code">
            {' '}
            <Name>{rule}</Name>
          </span>
        )}
      </>
    ),
  },
  {
    name: 'From',
    cell: ({ protocol, remote }) => (
      <>
        <Name>{remote}</Name> <span class="muted">{protocol.toUpperCase()}</span>
      </>
    ),
  },
  { name: 'Tries', cell: (block) => count(decisionsOf(block)), figure: true },
  { name: 'Decision', cell: ({ decision }) => <DecisionLink id={decision} /> },
]

const PLAIN = [TIME, ...COLUMNS]
const FOLDED = [LAST, FIRST, ...COLUMNS]

export const BlocksTable = ({ items, fold }: { items: readonly Block[]; fold: boolean }): JSX.Element => (
  <Table
    caption="Decisions that were no plain allow, newest first"
    columns={fold ? FOLDED : PLAIN}
    items={items}
    keyOf={entryKey}
  />
)
