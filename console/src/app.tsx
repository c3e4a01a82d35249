import type { JSX } from 'preact'
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'

import { get, rememberCsrf, whenSignedOut } from './api/client'
import { asProblem, type Problem } from './api/problem'
import { useResource } from './api/resource'
import type { Overview, Session } from './api/types'
import { AuditPage } from './audit/audit-page'
import { BlocksPage } from './blocks/blocks-page'
import { DevicePage } from './devices/device-page'
import { DevicesPage } from './devices/devices-page'
import { HostsPage } from './hosts/hosts-page'
import { OverviewPage } from './overview/overview-page'
import { PersonPage } from './people/person-page'
import { PolicyPage } from './policy/policy-page'
import { nameIn, navigate, urlOf, usePlace, type Place } from './route'
import { SessionContext } from './session'
import { Header } from './shell/header'
import { LoginPage } from './shell/login-page'
import { Empty, ProblemNote } from './ui/notices'

const OVERVIEW_MS = 5000

type Standing = Session | 'asking' | 'signed out'

export function App(): JSX.Element {
  const place = usePlace()
  const [session, setSession] = useState<Standing>('asking')
  const [problem, setProblem] = useState<Problem>()
  /** Nobody asked for it: the session ended, or its token was revoked. */
  const [isOver, setIsOver] = useState(false)

  const begin = useCallback((found: Session) => {
    rememberCsrf(found.csrf)
    setIsOver(false)
    setSession(found)
  }, [])
  const ask = useCallback(() => {
    get<Session>('/session').then(begin, (error: unknown) => {
      const problem = asProblem(error)
      if (problem.status === 401) setSession('signed out')
      else setProblem(problem)
    })
  }, [begin])
  useEffect(() => {
    whenSignedOut(() => {
      setIsOver(true)
      setSession('signed out')
    })
    ask()
  }, [ask])
  useEffect(() => {
    if (session !== 'signed out' || location.pathname === '/login') return
    const next = `${location.pathname}${location.search}`
    navigate(next === '/' ? '/login' : urlOf('/login', { next }), { replace: true })
  }, [session, place])

  if (place.path === '/login' && session !== 'asking') return <LoginPage onSession={begin} isOver={isOver} />
  if (typeof session === 'string') return problem ? <ProblemNote problem={problem} retry={ask} /> : <></>
  return (
    <SessionContext.Provider value={session}>
      <SignedIn place={place} session={session} onSignedOut={() => setSession('signed out')} />
    </SessionContext.Provider>
  )
}

interface SignedInProps {
  readonly place: Place
  readonly session: Session
  readonly onSignedOut: () => void
}

function SignedIn({ place, session, onSignedOut }: SignedInProps): JSX.Element {
  const overview = useResource<Overview>('/overview', OVERVIEW_MS)
  const { title, page } = pageAt(place, overview)
  useTitle(title, place.path)
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <Header path={place.path} session={session} overview={overview.data} onSignedOut={onSignedOut} />
      <main id="main" tabIndex={-1}>
        {page}
      </main>
    </>
  )
}

/** Tells the page by its title, and to those who hear it by the focus. */
function useTitle(title: string, path: string): void {
  const before = useRef(path)
  useEffect(() => {
    document.title = `${title} · Device Gate`
  }, [title])
  useEffect(() => {
    if (before.current === path) return
    before.current = path
    scrollTo(0, 0)
    document.getElementById('main')?.focus({ preventScroll: true })
  }, [path])
}

/** What other hosts of the fleet have is not known then. */
const isStoreAway = (overview: Overview | undefined): boolean => (overview?.store.problem ?? null) !== null

function pageAt(
  place: Place,
  overview: ReturnType<typeof useResource<Overview>>,
): { readonly title: string; readonly page: JSX.Element } {
  const device = nameIn(place.path, '/devices/')
  if (device !== null) return { title: device, page: <DevicePage key={device} id={device} /> }
  const person = nameIn(place.path, '/people/')
  if (person !== null) return { title: person, page: <PersonPage key={person} user={person} /> }
  switch (place.path) {
    case '/':
      return { title: 'Overview', page: <OverviewPage overview={overview} /> }
    case '/blocks':
      return { title: 'Blocks', page: <BlocksPage place={place} isHostAlone={isStoreAway(overview.data)} /> }
    case '/devices':
      return { title: 'Devices', page: <DevicesPage place={place} /> }
    case '/policy':
      return { title: 'Policy', page: <PolicyPage place={place} overview={overview} /> }
    case '/hosts':
      return { title: 'Hosts', page: <HostsPage /> }
    case '/audit':
      return { title: 'Audit', page: <AuditPage place={place} /> }
    default:
      return {
        title: 'Not found',
        page: (
          <Empty>
            <h1>There is no such page</h1>
            <p>
              Paste a decision id, user or device above, or go to the <a href="/">overview</a>.
            </p>
          </Empty>
        ),
      }
  }
}
