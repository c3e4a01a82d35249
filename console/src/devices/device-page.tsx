import { Fragment, type JSX } from 'preact'

import { useResource } from '../api/resource'
import type { DevicePage as Answer } from '../api/types'
import { CaseCard } from '../people/case-card'
import { Overrides } from '../people/overrides'
import { Sessions } from '../people/sessions'
import { Timeline } from '../people/timeline'
import { deviceUrl, urlOf } from '../route'
import { UserLink } from '../ui/links'
import { Name } from '../ui/name'
import { Loaded } from '../ui/notices'
import { PLATFORM_WORDS } from '../ui/words'

const POLL_MS = 5000

export function DevicePage({ id }: { id: string }): JSX.Element {
  const page = useResource<Answer>(deviceUrl(id), POLL_MS)
  return (
    <>
      <h1>
        Device <Name>{id}</Name>
      </h1>
      {page.problem?.status === 404 && (
        <p>
          Ids are told exactly, capitals too. Look for it by its beginning among the{' '}
          <a href="/devices">devices</a>; one that is new comes with the next report of its feed.
        </p>
      )}
      <Loaded resource={page} lines={8}>
        {({ record, case: one, overrides, history, recent, synced }) => (
          <>
            <p class="subtitle">
              {PLATFORM_WORDS[record.platform]} of{' '}
              {record.owners.length === 0
                ? 'nobody'
                : record.owners.map((user, index) => (
                    <Fragment key={user}>
                      {index > 0 && ', '}
                      <UserLink user={user} />
                    </Fragment>
                  ))}
              <Sessions subject={{ kind: 'device', id }} />
            </p>
            <Overrides subject={{ kind: 'device', id }} overrides={overrides} onChange={page.reload} />
            <CaseCard of={one} hideDevice />
            <Timeline
              of={{ recent, history, synced }}
              more={<a href={urlOf('/blocks', { device: id })}>All its blocks</a>}
            />
          </>
        )}
      </Loaded>
    </>
  )
}
