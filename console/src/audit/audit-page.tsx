import type { JSX } from 'preact'
import { useState } from 'preact/hooks'

import { get } from '../api/client'
import { asProblem, type Problem } from '../api/problem'
import { useResource } from '../api/resource'
import type { Order, Page, Verified } from '../api/types'
import { urlOf, type Place } from '../route'
import { Moment } from '../ui/moment'
import { Empty, Loaded, ProblemNote } from '../ui/notices'
import { Pager } from '../ui/pager'
import { Table, type Column } from '../ui/table'
import { Told } from '../ui/told'
import { count, plural } from '../ui/words'

const COLUMNS: readonly Column<Order>[] = [
  { name: 'No.', cell: ({ n }) => count(n), figure: true },
  { name: 'Time', cell: ({ at }) => <Moment at={at} /> },
  { name: 'Who', cell: ({ who }) => who },
  { name: 'What', cell: ({ kind }) => kind },
  { name: 'Change', cell: ({ change }) => <Told>{change}</Told>, prose: true },
  { name: 'Reason', cell: ({ reason }) => reason, prose: true },
  {
    name: 'Policy',
    cell: ({ version }) =>
      version === 0 ? (
        '–'
      ) : (
        <a href={urlOf('/policy', { view: 'history', version: String(version) })}>{version}</a>
      ),
    figure: true,
  },
]

export function AuditPage({ place }: { place: Place }): JSX.Element {
  const orders = useResource<Page<Order>>(urlOf('/audit', { cursor: place.query.get('cursor') }))
  return (
    <>
      <div class="heading">
        <h1>Audit</h1>
        <Verify />
      </div>
      <Loaded resource={orders} lines={8}>
        {({ items, next }) => (
          <>
            {items.length === 0 ? (
              <Empty>
                <p>
                  Nothing was ordered yet. Policies, modes, exemptions, locks and recalls are kept here, with
                  who and why.
                </p>
              </Empty>
            ) : (
              <Table caption="Orders, newest first" columns={COLUMNS} items={items} keyOf={({ n }) => n} />
            )}
            <Pager place={place} next={next} />
          </>
        )}
      </Loaded>
    </>
  )
}

/** Goes along the chain of the history, on demand: it reads all of it. */
function Verify(): JSX.Element {
  const [busy, setBusy] = useState(false)
  const [verified, setVerified] = useState<Verified>()
  const [problem, setProblem] = useState<Problem>()
  const verify = async (): Promise<void> => {
    setBusy(true)
    setProblem(undefined)
    try {
      setVerified(await get<Verified>('/audit/verify'))
    } catch (error) {
      setProblem(asProblem(error))
    }
    setBusy(false)
  }
  return (
    <div class="verify">
      <button type="button" disabled={busy} onClick={() => void verify()}>
        {busy ? 'Verifying…' : 'Verify the chain'}
      </button>
      <div aria-live="polite">
        {problem && <ProblemNote problem={problem} />}
        {verified &&
          (verified.problem === null ? (
            <div class="notice good">
              <p>
                {plural(verified.entries, 'order is', 'orders are')} what was written, none is missing. Newest
                hash <code>{verified.newest_hash.slice(0, 12)}</code>
              </p>
            </div>
          ) : (
            <p class="notice bad">
              Order {verified.problem.n} is damaged: {verified.problem.problem}. The {count(verified.entries)}{' '}
              before it are well.
            </p>
          ))}
      </div>
    </div>
  )
}
