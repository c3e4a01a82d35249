import type { JSX } from 'preact'

import type { Resource } from '../api/resource'
import type { Overview } from '../api/types'
import { urlOf, type Place } from '../route'
import { CurrentPolicy } from './current-policy'
import { DraftPolicy } from './draft-policy'
import { PolicyHistory } from './policy-history'
import { Waiting } from './waiting'

const VIEWS = [
  ['current', 'In force'],
  ['draft', 'Draft and what-if'],
  ['history', 'History'],
] as const
type View = (typeof VIEWS)[number][0]

const isView = (text: string | null): text is View => VIEWS.some(([view]) => view === text)

export function PolicyPage({ place, overview }: { place: Place; overview: Resource<Overview> }): JSX.Element {
  const asked = place.query.get('view')
  const view = isView(asked) ? asked : 'current'
  return (
    <>
      <h1>Policy</h1>
      <Waiting overview={overview} />
      <nav class="views" aria-label="Views of the policy">
        {VIEWS.map(([name, words]) => (
          <a
            key={name}
            href={urlOf('/policy', { view: name === 'current' ? null : name })}
            aria-current={view === name ? 'page' : undefined}
          >
            {words}
          </a>
        ))}
      </nav>
      {view === 'current' && <CurrentPolicy overview={overview} />}
      {view === 'draft' && <DraftPolicy overview={overview} />}
      {view === 'history' && <PolicyHistory place={place} />}
    </>
  )
}
