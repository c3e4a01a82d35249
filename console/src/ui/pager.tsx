import type { JSX } from 'preact'

import { urlWith, type Place } from '../route'

/** Pages are links, so that each can be shared and the browser's back goes to the one before. */
export function Pager({ place, next }: { place: Place; next: string | null }): JSX.Element | null {
  const isFirst = !place.query.has('cursor')
  if (isFirst && next === null) return null
  return (
    <nav class="pager" aria-label="Pages">
      {!isFirst && <a href={urlWith(place, { cursor: null })}>First page</a>}
      {next !== null && <a href={urlWith(place, { cursor: next })}>Next page</a>}
    </nav>
  )
}
