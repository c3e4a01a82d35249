import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'

import { post } from '../api/client'
import { asProblem, type Problem } from '../api/problem'
import type { Session } from '../api/types'
import { ProblemNote } from '../ui/notices'
import { navigate, usePlace } from '../route'

/** Only a way within the console: a link to the login page must not lead elsewhere. */
const within = (next: string | null): string => (next !== null && /^\/(?![/\\])/.test(next) ? next : '/')

interface LoginPageProps {
  readonly onSession: (session: Session) => void
  /** Somebody was signed in until now. */
  readonly isOver: boolean
}

export function LoginPage({ onSession, isOver }: LoginPageProps): JSX.Element {
  const { query } = usePlace()
  const field = useRef<HTMLInputElement>(null)
  // The browser's own autofocus is for a page that is loaded; this one may follow on another.
  useEffect(() => field.current?.focus(), [])
  const [token, setToken] = useState('')
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<Problem>()

  const signIn = async (): Promise<void> => {
    setBusy(true)
    try {
      onSession(await post<Session>('/session', { token: token.trim() }))
      navigate(within(query.get('next')), { replace: true })
    } catch (error) {
      setProblem(asProblem(error))
      setBusy(false)
    }
  }

  return (
    <main id="main" class="login">
      <h1>Device Gate</h1>
      {isOver && !problem && (
        <p class="notice" role="status">
          The session is over, or its token was revoked. Sign in again to go on where you were.
        </p>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (!busy) void signIn()
        }}
      >
        <label>
          Access token
          <input
            type="password"
            value={token}
            onInput={(event) => setToken(event.currentTarget.value)}
            placeholder="dgt_…"
            autocomplete="current-password"
            spellcheck={false}
            required
            ref={field}
          />
        </label>
        {problem && <ProblemNote problem={problem} />}
        <button type="submit" class="primary" disabled={busy}>
          {busy ? 'Signing in…' : 'Sign in'}
        </button>
      </form>
      <p class="muted">
        Tokens are made on the mail host: <code>device-gate token issue NAME --role viewer</code>
      </p>
    </main>
  )
}
