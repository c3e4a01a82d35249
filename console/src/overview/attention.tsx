import type { ComponentChildren, JSX } from 'preact'

import type { Overview } from '../api/types'
import { Moment } from '../ui/moment'
import { count, sentence } from '../ui/words'

/** What somebody should look at, each with what to do about it. */
export function Attention({ of }: { of: Overview }): JSX.Element {
  const { problems, pending, held, proposals, recall, devices } = of
  const items = [
    ...problems
      .filter(({ kind }) => !TOLD_BELOW.has(kind))
      .map(({ kind, text, todo }) => (
        <Item
          key={`${kind} ${text}`}
          what={sentence(text)}
          todo={kind === 'no_policy' ? FIRST_POLICY : sentence(todo)}
        />
      )),
    ...(pending
      ? [
          <Item
            key="pending"
            what={
              pending.cause === 'guard'
                ? `An edit of the policy is held back: it would newly block ${count(pending.newly_blocked)} of ${count(pending.devices)} devices`
                : 'An edit of the policy is held back, since a recall stands'
            }
            since={pending.since}
            todo={<a href="/policy">Look at it, and confirm it</a>}
          />,
        ]
      : []),
    ...held.map(({ mandate, at, newly_blocked: blocked }) => (
      <Item
        key={`held ${mandate}`}
        what={
          <>
            Mandate {mandate} is held back and only warns: it would newly block {count(blocked)} devices from{' '}
            <Moment at={at} />
          </>
        }
        todo={<a href="/policy">Look at it, and confirm it</a>}
      />
    )),
    ...proposals.map(({ id, mandate, author, reason, at }) => (
      <Item
        key={`proposal ${id}`}
        what={`${author} proposed ${mandate === null ? 'a policy' : `that mandate ${mandate} may block`}: “${reason}”`}
        since={at}
        todo={<a href="/policy">Somebody else looks at it, and approves it</a>}
      />
    )),
    ...(recall?.pinned === true
      ? [
          <Item
            key="recall"
            what={`Version ${recall.from} was recalled by ${recall.author}; edits of the policy file wait`}
            since={recall.at}
            todo={<a href="/policy">Mend the policy file, then let it count again</a>}
          />,
        ]
      : []),
    ...(devices === 0 ? [<Item key="devices" what="No device was reported yet" todo={IMPORT} />] : []),
  ]
  return (
    <section class="attention" aria-labelledby="attention">
      <h2 id="attention">{items.length === 0 ? 'Nothing needs attention' : 'Needs attention'}</h2>
      {items.length > 0 && <ul>{items}</ul>}
    </section>
  )
}

/** These have more to say, and a page where they are settled. */
const TOLD_BELOW: ReadonlySet<string> = new Set(['held_back', 'proposed', 'recalled'])

const FIRST_POLICY = (
  <>
    Write <code>config/device_gate_policy.yaml</code>, with <code>mode: monitor</code> first
  </>
)
const IMPORT = (
  <>
    Let a feed report them, or <code>device-gate device import FILE</code>
  </>
)

interface ItemProps {
  readonly what: ComponentChildren
  readonly todo: ComponentChildren
  readonly since?: string
}

const Item = ({ what, todo, since }: ItemProps): JSX.Element => (
  <li>
    <p class="what">
      {what}
      {since !== undefined && (
        <>
          , since <Moment at={since} />
        </>
      )}
    </p>
    <p class="todo">{todo}</p>
  </li>
)
