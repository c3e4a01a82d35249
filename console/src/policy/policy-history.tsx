import type { JSX } from 'preact'
import { useState } from 'preact/hooks'

import { useResource } from '../api/resource'
import type { Page, PolicyVersion, PolicyVersionPage, RecallProof } from '../api/types'
import { urlWith, type Place } from '../route'
import { useMay } from '../session'
import { Moment } from '../ui/moment'
import { Empty, Loaded } from '../ui/notices'
import { Pager } from '../ui/pager'
import { Table, type Column } from '../ui/table'
import { Changes } from './changes'
import { PolicyText } from './policy-text'
import { RecallDialog, RecallTold } from './recall'

export function PolicyHistory({ place }: { place: Place }): JSX.Element {
  const cursor = place.query.get('cursor')
  const chosen = place.query.get('version')
  const versions = useResource<Page<PolicyVersion>>(
    `/policy/versions${cursor === null ? '' : `?cursor=${encodeURIComponent(cursor)}`}`,
  )
  const columns: readonly Column<PolicyVersion>[] = [
    {
      name: 'Version',
      cell: ({ version }) => (
        <a
          href={urlWith(place, { version: String(version) })}
          aria-current={chosen === String(version) || undefined}
        >
          {version}
        </a>
      ),
    },
    { name: 'From', cell: ({ at }) => <Moment at={at} /> },
    { name: 'Mode', cell: ({ mode }) => mode },
    { name: 'By', cell: ({ author }) => author },
    { name: 'Reason', cell: ({ reason }) => reason, prose: true },
  ]
  return (
    <div class="columns">
      <Loaded resource={versions}>
        {({ items, next }) => (
          <>
            {items.length === 0 ? (
              <Empty>No policy was ever in force.</Empty>
            ) : (
              <Table
                caption="Versions of the policy, newest first"
                columns={columns}
                items={items}
                keyOf={({ version }) => version}
              />
            )}
            <Pager place={place} next={next} />
          </>
        )}
      </Loaded>
      {chosen === null ? (
        <p class="muted">Choose a version to see what it changed.</p>
      ) : (
        <OneVersion key={chosen} version={chosen} onRecalled={versions.reload} />
      )}
    </div>
  )
}

function OneVersion({ version, onRecalled }: { version: string; onRecalled: () => void }): JSX.Element {
  const resource = useResource<PolicyVersionPage>(`/policy/versions/${encodeURIComponent(version)}`)
  const inForce = useResource<{ readonly version: number }>('/policy')
  const mayRecall = useMay('operator')
  const [open, setOpen] = useState(false)
  const [proof, setProof] = useState<RecallProof>()
  return (
    <section aria-label={`Version ${version}`}>
      {proof && <RecallTold proof={proof} />}
      <Loaded resource={resource}>
        {({ diff, text, version: shown }) => (
          <>
            <h2>What version {shown} changed</h2>
            {diff.length === 0 ? (
              <p class="muted">Nothing but the text, or it was the first.</p>
            ) : (
              <Changes changes={diff} />
            )}
            <PolicyText text={text} />
            {mayRecall && inForce.data && inForce.data.version > shown && (
              <button type="button" class="danger" onClick={() => setOpen(true)}>
                Go back to version {shown}…
              </button>
            )}
            {open && inForce.data && (
              <RecallDialog
                version={inForce.data.version}
                to={shown}
                onClose={() => setOpen(false)}
                onDone={(told) => {
                  setProof(told)
                  inForce.reload()
                  onRecalled()
                }}
              />
            )}
          </>
        )}
      </Loaded>
    </section>
  )
}
