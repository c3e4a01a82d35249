import type { ComponentChildren, JSX } from 'preact'
import { useState } from 'preact/hooks'

import { post } from '../api/client'
import type { Resource } from '../api/resource'
import type { Overview } from '../api/types'
import { useMay, useSessionName } from '../session'
import { Moment } from '../ui/moment'
import { OrderDialog } from '../ui/order-dialog'
import { count } from '../ui/words'

interface Order {
  readonly title: string
  readonly action: string
  readonly what: ComponentChildren
  /** The figure that has to be given back. */
  readonly figure?: number
  readonly give: (reason: string, confirm: number | undefined) => Promise<void>
}

/** What waits for somebody: proposals, held mandates, a held edit, a recall that pins the policy file. */
export function Waiting({ overview }: { overview: Resource<Overview> }): JSX.Element | null {
  const mayApprove = useMay('approver')
  const mayOrder = useMay('operator')
  const me = `token:${useSessionName()}`
  const [order, setOrder] = useState<Order | null>(null)
  if (!overview.data) return null
  const { proposals, held, pending, recall } = overview.data
  if (proposals.length + held.length === 0 && !pending && recall?.pinned !== true) return null
  const settle =
    (path: string, body: object): Order['give'] =>
    async (reason, confirm) => {
      await post(path, { ...body, reason, ...(confirm !== undefined && { figure: confirm }) })
      overview.reload()
    }
  const button = (one: Order, allowed: boolean, otherwise: string): JSX.Element =>
    allowed ? (
      <button type="button" onClick={() => setOrder(one)}>
        {one.action}…
      </button>
    ) : (
      <span class="muted">{otherwise}</span>
    )
  return (
    <section class="attention" aria-labelledby="waiting">
      <h2 id="waiting">Waiting for somebody</h2>
      <ul>
        {proposals.map(({ id, author, reason, at, newly_blocked: blocked, devices }) => (
          <li key={id}>
            <p class="what">
              Proposal {id} by {author}, <Moment at={at} />: “{reason}”. It would newly block {count(blocked)}{' '}
              of {count(devices)} devices.
            </p>
            {button(
              {
                title: `Approve proposal ${id}`,
                action: 'Approve',
                what: (
                  <p>
                    The policy of {author} comes into force on all hosts and may newly block {count(blocked)}{' '}
                    of {count(devices)} devices.
                  </p>
                ),
                figure: blocked,
                give: settle('/policy/approve', { id }),
              },
              mayApprove && author !== me,
              author === me ? 'Somebody else has to approve it' : 'An approver approves it',
            )}
          </li>
        ))}
        {held.map(({ mandate, at, newly_blocked: blocked, devices, bound }) => (
          <li key={mandate}>
            <p class="what">
              Mandate {mandate} is held back and only warns: it would newly block {count(blocked)} of{' '}
              {count(devices)} devices, the bound is {count(bound)}, from <Moment at={at} />.
            </p>
            {button(
              {
                title: `Let mandate ${mandate} block`,
                action: 'Confirm',
                what: (
                  <p>
                    From its deadline on it blocks {count(blocked)} of {count(devices)} devices.
                  </p>
                ),
                figure: blocked,
                give: settle('/policy/confirm', { mandate, figure: blocked }),
              },
              mayApprove,
              'An approver confirms it',
            )}
          </li>
        ))}
        {pending && (
          <li>
            <p class="what">
              An edit of the policy <Moment at={pending.since} /> is held back
              {pending.cause === 'recall' ? ', since a recall stands' : ''}: it would newly block{' '}
              {count(pending.newly_blocked)} of {count(pending.devices)} devices, the bound is{' '}
              {count(pending.bound)}.
            </p>
            {button(
              {
                title: 'Put the edit in force',
                action: 'Confirm',
                what: <p>The edited policy comes into force on all hosts.</p>,
                figure: pending.newly_blocked,
                give: settle('/policy/confirm', { figure: pending.newly_blocked }),
              },
              mayApprove,
              'An approver confirms it',
            )}
          </li>
        )}
        {recall?.pinned === true && (
          <li>
            <p class="what">
              Version {recall.from} was recalled by {recall.author}, <Moment at={recall.at} />: “
              {recall.reason}”. Edits of the policy file wait until it counts again.
            </p>
            {button(
              {
                title: 'Let the policy file count again',
                action: 'Let the file count',
                what: (
                  <p>
                    The next edit of the policy file comes into force by itself, within the guard’s bound.
                  </p>
                ),
                give: settle('/policy/unpin', {}),
              },
              mayOrder,
              'An operator lets it count again',
            )}
          </li>
        )}
      </ul>
      {order && (
        <OrderDialog
          title={order.title}
          action={order.action}
          {...(order.figure !== undefined && order.figure > 0 && { typed: String(order.figure) })}
          give={order.give}
          onClose={() => setOrder(null)}
        >
          {order.what}
        </OrderDialog>
      )}
    </section>
  )
}
