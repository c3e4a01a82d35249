import type { JSX } from 'preact'

import type { Block, Order, Synced } from '../api/types'
import { OutcomeBadge } from '../ui/badge'
import { DecisionLink, DeviceLink } from '../ui/links'
import { Moment } from '../ui/moment'
import { Empty } from '../ui/notices'
import { Told } from '../ui/told'
import { reasonName, visible } from '../ui/words'

interface Happening {
  readonly at: string
  readonly what: JSX.Element
}

/** What is on record of a person or a device. */
export interface OnRecord {
  readonly recent: readonly Block[]
  readonly history: readonly Order[]
  readonly synced: readonly Synced[]
}

/** What happened to somebody: decisions, orders and syncs, newest first; below it where to find more. */
export const Timeline = ({ of, more }: { of: OnRecord; more: JSX.Element }): JSX.Element => (
  <section aria-labelledby="timeline">
    <h2 id="timeline">Timeline</h2>
    <Happenings
      all={[
        ...of.recent.map(blockHappening),
        ...of.history.map(orderHappening),
        ...of.synced.map(syncHappening),
      ]}
    />
    <p>{more}</p>
  </section>
)

function Happenings({ all }: { all: readonly Happening[] }): JSX.Element {
  if (all.length === 0)
    return (
      <Empty>
        Nothing is on record: no block, no warning and no order in the time that the journal keeps.
      </Empty>
    )
  const sorted = [...all].sort((a, b) => Date.parse(b.at) - Date.parse(a.at))
  return (
    <ol class="timeline">
      {sorted.map(({ at, what }, index) => (
        <li key={`${at} ${index}`}>
          <Moment at={at} />
          <div>{what}</div>
        </li>
      ))}
    </ol>
  )
}

const blockHappening = (block: Block): Happening => ({
  at: block.time,
  what: (
    <>
      <OutcomeBadge outcome={block.outcome} enforced={block.enforced} /> {block.protocol.toUpperCase()},{' '}
      {reasonName(block.reason)}
      {block.rule !== null && ` (${block.rule})`} <span class="muted">from {block.remote}</span>
      {block.repeats > 1 && <span class="muted">, {block.repeats} times</span>}{' '}
      <DecisionLink id={block.decision} />
    </>
  ),
})

const orderHappening = (order: Order): Happening => ({
  at: order.at,
  what: (
    <>
      <strong>{order.kind}</strong> by {order.who}: <Told>{order.change}</Told>
      {order.reason !== '' && <span class="muted"> “{visible(order.reason)}”</span>}
    </>
  ),
})

const syncHappening = ({ device, protocol, at }: Synced): Happening => ({
  at,
  what: (
    <>
      last seen by {protocol.toUpperCase()} with <DeviceLink id={device} />{' '}
      <span class="muted">in the ten minutes from then</span>
    </>
  ),
})
