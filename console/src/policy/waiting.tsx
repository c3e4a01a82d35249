import type { JSX } from 'preact'
import { useState } from 'preact/hooks'

import { post } from '../api/client'
import type { Resource } from '../api/resource'
import type { Overview } from '../api/types'
import { useMay, useSessionName } from '../session'
import { OrderDialog } from '../ui/order-dialog'
import { waitingItems, type Settlement } from './waiting-items'

/** What waits for somebody, with what this reader may do about it. */
export function Waiting({ overview }: { overview: Resource<Overview> }): JSX.Element | null {
  const reader = {
    author: `token:${useSessionName()}`,
    mayOrder: useMay('operator'),
    mayApprove: useMay('approver'),
  }
  const [chosen, setChosen] = useState<Settlement | null>(null)
  const items = overview.data ? waitingItems(overview.data, reader) : []
  if (items.length === 0) return null
  const give = async (reason: string, confirm: number | undefined): Promise<void> => {
    if (!chosen) return
    await post(chosen.path, { ...chosen.body, reason, ...(confirm !== undefined && { figure: confirm }) })
    overview.reload()
  }
  return (
    <section class="attention" aria-labelledby="waiting">
      <h2 id="waiting">Waiting for somebody</h2>
      <ul>
        {items.map(({ key, what, settlements, otherwise }) => (
          <li key={key}>
            <p class="what">{what}</p>
            <div class="buttons">
              {otherwise !== null && <span class="muted">{otherwise}</span>}
              {settlements.map((one) => (
                <button key={one.action} type="button" onClick={() => setChosen(one)}>
                  {one.action}…
                </button>
              ))}
            </div>
          </li>
        ))}
      </ul>
      {chosen && (
        <OrderDialog
          title={chosen.title}
          action={chosen.action}
          {...(chosen.figure > 0 && { typed: String(chosen.figure) })}
          give={give}
          onClose={() => setChosen(null)}
        >
          <p>{chosen.effect}</p>
        </OrderDialog>
      )}
    </section>
  )
}
