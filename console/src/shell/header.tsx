import type { JSX } from 'preact'

import { remove } from '../api/client'
import type { Overview, Session } from '../api/types'
import { ROLE_WORDS } from '../ui/words'
import { SearchBox } from './search-box'

const PAGES = [
  ['/', 'Overview'],
  ['/blocks', 'Blocks'],
  ['/devices', 'Devices'],
  ['/policy', 'Policy'],
  ['/hosts', 'Hosts'],
  ['/audit', 'Audit'],
] as const

interface HeaderProps {
  readonly path: string
  readonly session: Session
  readonly overview: Overview | undefined
  readonly onSignedOut: () => void
}

export function Header({ path, session, overview, onSignedOut }: HeaderProps): JSX.Element {
  const signOut = async (): Promise<void> => {
    try {
      await remove('/session')
    } finally {
      onSignedOut()
    }
  }
  return (
    <header class="top">
      <a class="brand" href="/">
        Device Gate
      </a>
      <nav aria-label="Pages of the console">
        {PAGES.map(([url, name]) => (
          <a key={url} href={url} aria-current={isAt(path, url) ? 'page' : undefined}>
            {name}
          </a>
        ))}
      </nav>
      <SearchBox />
      <div class="who">
        {overview && overview.mode !== null && <span class={`mode ${overview.mode}`}>{overview.mode}</span>}
        <span class="me" title={`${session.role}: ${ROLE_WORDS[session.role]}`}>
          {session.name} <span class="muted">{session.role}</span>
        </span>
        <button type="button" class="quiet" onClick={() => void signOut().catch(() => undefined)}>
          Sign out
        </button>
      </div>
    </header>
  )
}

const isAt = (path: string, url: string): boolean =>
  url === '/'
    ? path === '/'
    : path === url || path.startsWith(`${url}/`) || (url === '/devices' && path.startsWith('/people/'))
