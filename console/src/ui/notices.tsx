import type { ComponentChildren, JSX } from 'preact'

import { isRefused, type Problem } from '../api/problem'
import type { Resource } from '../api/resource'
import { Moment } from './moment'
import { sentence, visible } from './words'

/** What went wrong, where it went wrong. */
export function ProblemNote({ problem, retry }: { problem: Problem; retry?: () => void }): JSX.Element {
  const { title, detail, field } = problem
  return (
    <div class="notice bad" role="alert">
      <p>
        {sentence(visible(detail === '' ? title : detail))}
        {field !== null && <span class="muted"> ({field})</span>}
      </p>
      {retry && !isRefused(problem) && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  )
}

/** Nothing is there: what it means, or what to do. */
export const Empty = ({ children }: { children: ComponentChildren }): JSX.Element => (
  <div class="empty">{children}</div>
)

/** Shown late, so that a quick answer does not flicker. */
export const Loading = ({ lines = 4 }: { lines?: number }): JSX.Element => (
  <div class="loading" role="status" aria-label="Loading">
    {Array.from({ length: lines }, (_, index) => (
      <span key={index} />
    ))}
  </div>
)

interface LoadedProps<T> {
  readonly resource: Resource<T>
  readonly lines?: number
  readonly children: (data: T) => ComponentChildren
}

/** What a resource has so far: its data, or what went wrong, or that it is on its way. */
export function Loaded<T>({ resource, lines, children }: LoadedProps<T>): JSX.Element {
  const { data, problem, stale, answeredAt, reload } = resource
  return (
    <>
      {problem && <ProblemNote problem={problem} retry={reload} />}
      {problem && data !== undefined && (
        <p class="muted">
          What is below is from <Moment at={answeredAt} />.
        </p>
      )}
      {data === undefined ? (
        !problem && <Loading {...(lines !== undefined && { lines })} />
      ) : (
        <div class={stale ? 'stale' : undefined} aria-busy={stale}>
          {children(data)}
        </div>
      )}
    </>
  )
}
