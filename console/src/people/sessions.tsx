import type { JSX } from 'preact'

import { useResource } from '../api/resource'
import type { Subject, Why } from '../api/types'
import { urlOf } from '../route'
import { Moment } from '../ui/moment'
import { plural } from '../ui/words'

const POLL_MS = 10_000

/** Goes on in a line, when each worker was asked: whether somebody is connected at this moment. */
export function Sessions({ subject: { kind, id } }: { subject: Subject }): JSX.Element | null {
  const { data } = useResource<Why>(urlOf('/why', { [kind]: id }), POLL_MS)
  if (!data) return null
  const { sessions } = data
  if (sessions === null) return <span> · open sessions are not known: a worker does not answer</span>
  const count = sessions.reduce((sum, one) => sum + one.count, 0)
  if (count === 0) return <span> · no open IMAP session</span>
  const oldest = sessions.map(({ since }) => since).sort()[0]
  return (
    <span>
      {' · '}
      {plural(count, 'open IMAP session')}, the oldest since <Moment at={oldest} />
    </span>
  )
}
