import type { JSX } from 'preact'

import { useResource } from '../api/resource'
import type { Case, PersonPage as Person } from '../api/types'
import { personUrl, urlOf } from '../route'
import { Name } from '../ui/name'
import { Empty, Loaded } from '../ui/notices'
import { plural, sentence, visible } from '../ui/words'
import { Answer, CaseCard } from './case-card'
import { Overrides } from './overrides'
import { Sessions } from './sessions'
import { Timeline } from './timeline'

const POLL_MS = 5000

export function PersonPage({ user }: { user: string }): JSX.Element {
  const page = useResource<Person>(personUrl(user), POLL_MS)
  return (
    <>
      <h1>
        <Name>{user}</Name>
      </h1>
      <Loaded resource={page} lines={8}>
        {({ cases, devices, overrides, history, recent, synced }) => (
          <>
            <p class="subtitle">
              {devices.length === 0
                ? 'No device of this person was ever reported'
                : plural(devices.length, 'device')}
              <Sessions subject={{ kind: 'user', id: user }} />
            </p>
            <Overrides subject={{ kind: 'user', id: user }} overrides={overrides} onChange={page.reload} />
            {cases.length === 0 ? (
              <Empty>Nothing is decided for this person yet: no policy is in force.</Empty>
            ) : (
              <Cases cases={cases} />
            )}
            <Timeline
              of={{ recent, history, synced }}
              more={<a href={urlOf('/blocks', { user })}>All blocks of this person</a>}
            />
          </>
        )}
      </Loaded>
    </>
  )
}

const isRefused = ({ outcome, enforced }: Case): boolean => enforced && outcome !== 'allow'
const isProven = ({ proof }: Case): boolean => proof !== 'owner' && proof !== 'none'

/** Who is asked about is mostly refused somewhere: that is open, the others tell their answer. */
function Cases({ cases }: { cases: readonly Case[] }): JSX.Element {
  const refused = cases.filter(isRefused)
  const told = refused.some(isProven) ? refused.filter(isProven) : refused
  return (
    <section class="cases" aria-label="How this person is decided now">
      {cases.map((one) => (
        <details key={one.title} class="one-of-cases" open={told.includes(one) || cases.length === 1}>
          <summary>
            <h2>{sentence(visible(one.title))}</h2>
            <Answer of={one} />
          </summary>
          <CaseCard of={one} hideAnswer />
        </details>
      ))}
    </section>
  )
}
