import { Fragment, type JSX } from 'preact'

import { API } from '../api/client'
import { isRefused } from '../api/problem'
import { useResource } from '../api/resource'
import type { BlocksPage as Answer, Why } from '../api/types'
import { CaseCard } from '../people/case-card'
import { urlOf, urlWith, type Place } from '../route'
import { decisionId } from '../shell/find'
import { Moment } from '../ui/moment'
import { Empty, Loaded, Loading, ProblemNote } from '../ui/notices'
import { Pager } from '../ui/pager'
import { BlocksTable } from './blocks-table'
import { BlockFilters, FILTERS } from './filters'
import { useLive, type Live } from './live'
import { visible } from '../ui/words'

const LIMIT = '100'

/** Only the newest page can be live: what lies behind a cursor or an end stands still. */
export function BlocksPage({ place, isHostAlone }: { place: Place; isHostAlone: boolean }): JSX.Element {
  const { query } = place
  const fold = query.get('fold') === 'true'
  const decision = query.get('decision')
  const filters = Object.fromEntries(FILTERS.map((name) => [name, query.get(name)]))
  if (decision !== null) filters['decision'] = decisionId(decision.trim())
  const cursor = query.get('cursor')
  const path = urlOf('/blocks', { ...filters, fold: fold ? 'true' : null, limit: LIMIT, cursor })
  const isStill = cursor !== null || query.has('until')
  return (
    <>
      <div class="heading">
        <h1>Blocks</h1>
        <p class="exports">
          Export{' '}
          <a href={urlOf(`${API}/blocks/export`, { ...filters, format: 'csv' })} download>
            CSV
          </a>{' '}
          <a href={urlOf(`${API}/blocks/export`, { ...filters, format: 'ndjson' })} download>
            NDJSON
          </a>
        </p>
      </div>
      {decision !== null && <DecisionCase id={decisionId(decision.trim())} />}
      <BlockFilters />
      {isHostAlone && (
        <p class="notice" role="status">
          The fleet’s store is away: these are the blocks of this host alone. Those of the others come when it
          answers again.
        </p>
      )}
      {isStill ? (
        <StillBlocks place={place} path={path} fold={fold} />
      ) : (
        <LiveBlocks place={place} path={path} streamPath={urlOf('/blocks/live', filters)} fold={fold} />
      )}
    </>
  )
}

function DecisionCase({ id }: { id: string }): JSX.Element {
  const why = useResource<Why>(urlOf('/why', { decision: id }))
  return (
    <Loaded resource={why}>
      {({ cases }) =>
        cases.map((one) => (
          <Fragment key={one.title}>
            <p>
              Decision <span class="code">{id}</span>: {visible(one.title)}
            </p>
            <CaseCard of={one} />
          </Fragment>
        ))
      }
    </Loaded>
  )
}

interface ListProps {
  readonly place: Place
  readonly path: string
  readonly fold: boolean
}

function StillBlocks({ place, path, fold }: ListProps): JSX.Element {
  const page = useResource<Answer>(path)
  return (
    <Loaded resource={page} lines={8}>
      {({ items, next, searched_to: searchedTo }) => (
        <>
          {items.length === 0 ? <NoBlocks place={place} /> : <BlocksTable items={items} fold={fold} />}
          {next !== null && searchedTo != null && (
            <p class="muted">
              Searched back to <Moment at={searchedTo} />; go on by the next page.
            </p>
          )}
          <Pager place={place} next={next} />
        </>
      )}
    </Loaded>
  )
}

function LiveBlocks({ place, path, streamPath, fold }: ListProps & { streamPath: string }): JSX.Element {
  const live = useLive(path, streamPath, fold)
  const { rows, next, problem } = live
  return (
    <>
      {!isRefused(problem) && <LiveBar live={live} />}
      {problem && <ProblemNote problem={problem} />}
      {rows === undefined ? (
        !problem && <Loading lines={8} />
      ) : rows.length === 0 ? (
        <NoBlocks place={place} />
      ) : (
        <BlocksTable items={rows} fold={fold} />
      )}
      <Pager place={place} next={next} />
    </>
  )
}

const STANDING_WORDS = {
  connecting: 'Connecting…',
  live: 'Live: new ones appear by themselves',
  reconnecting: 'The connection was lost, trying again…',
} as const

function LiveBar({ live: { standing, waiting, pause } }: { live: Live }): JSX.Element {
  return (
    <div class={`live-bar ${standing}`}>
      <button type="button" aria-pressed={standing === 'paused'} onClick={() => pause(standing !== 'paused')}>
        {standing === 'paused' ? 'Go on' : 'Pause'}
      </button>
      <span role="status">
        {standing === 'paused'
          ? `Paused, ${waiting === 0 ? 'nothing new' : `${waiting} new`}`
          : STANDING_WORDS[standing]}
      </span>
    </div>
  )
}

function NoBlocks({ place }: { place: Place }): JSX.Element {
  const narrowed = FILTERS.some((name) => place.query.has(name))
  return (
    <Empty>
      {narrowed ? (
        <p>
          Nothing on record fits these filters.{' '}
          <a href={urlWith({ ...place, query: new URLSearchParams() }, {})}>Show all</a>
        </p>
      ) : (
        <p>
          Nobody was blocked or warned yet. When a phone is refused, it appears here within a second. To see
          whom a draft would hit, try it on the <a href="/policy?view=draft">policy page</a>.
        </p>
      )}
    </Empty>
  )
}
