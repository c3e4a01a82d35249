import type { JSX } from 'preact'

import type { Held, Overview, Pending, Proposal, Recall } from '../api/types'
import { Moment } from '../ui/moment'
import { count, plural } from '../ui/words'

export interface Reader {
  /** As the history calls them. */
  readonly author: string
  readonly mayOrder: boolean
  readonly mayApprove: boolean
}

/** An order that settles what waits. */
export interface Settlement {
  readonly title: string
  readonly action: string
  readonly effect: string
  /** Devices that it newly blocks, to be typed; 0: nothing is to be typed. */
  readonly figure: number
  readonly path: string
  readonly body: object
}

export interface WaitingItem {
  readonly key: string
  readonly what: JSX.Element
  /** Those that the reader may give. */
  readonly settlements: readonly Settlement[]
  /** Who settles it, when the reader may not. */
  readonly otherwise: string | null
}

export const waitingItems = (
  { proposals, held, pending, recall }: Overview,
  reader: Reader,
): readonly WaitingItem[] => [
  ...proposals.map((one) => proposalItem(one, reader)),
  ...held.map((one) => heldItem(one, proposals, reader)),
  ...(pending ? [pendingItem(pending, reader)] : []),
  ...(recall?.pinned === true ? [recallItem(recall, reader)] : []),
]

function proposalItem(proposal: Proposal, { author: me, mayApprove }: Reader): WaitingItem {
  const { id, mandate, author, reason, at, newly_blocked: blocked, devices } = proposal
  const subject = mandate === null ? 'a policy' : `that mandate ${mandate} may block`
  return {
    key: `proposal ${id}`,
    what: (
      <>
        Proposal {id}: {author} proposes {subject}, <Moment at={at} />: “{reason}”. It would newly block{' '}
        {count(blocked)} of {count(devices)} devices.
      </>
    ),
    settlements:
      mayApprove && author !== me
        ? [
            {
              title: `Approve proposal ${id}`,
              action: 'Approve',
              effect: `What ${author} proposes comes into force on all hosts and may newly block ${count(blocked)} of ${count(devices)} devices.`,
              figure: blocked,
              path: '/policy/approve',
              body: { id },
            },
          ]
        : [],
    otherwise:
      author === me ? 'Somebody else has to approve it' : mayApprove ? null : 'An approver approves it',
  }
}

function heldItem(held: Held, proposals: readonly Proposal[], { mayOrder, mayApprove }: Reader): WaitingItem {
  const { mandate, at, newly_blocked: figure, devices, bound } = held
  const isProposed = proposals.some((one) => one.mandate === mandate)
  return {
    key: `held ${mandate}`,
    what: (
      <>
        Mandate {mandate} is held back and only warns: it would newly block {count(figure)} of{' '}
        {count(devices)} devices, the bound is {count(bound)}, from <Moment at={at} />.
      </>
    ),
    settlements: [
      ...(mayOrder && !isProposed
        ? [
            {
              title: `Propose that mandate ${mandate} may block`,
              action: 'Propose',
              effect: 'It goes on warning until an approver, who is somebody else, approves it.',
              figure: 0,
              path: '/policy/propose',
              body: { mandate },
            },
          ]
        : []),
      ...(mayApprove
        ? [
            {
              title: `Let mandate ${mandate} block`,
              action: 'Confirm',
              effect: `From its deadline on it blocks ${count(figure)} of ${count(devices)} devices.`,
              figure,
              path: '/policy/confirm',
              body: { mandate, figure },
            },
          ]
        : []),
    ],
    otherwise: mayApprove ? null : isProposed ? 'It is proposed' : 'An approver confirms it',
  }
}

function pendingItem(pending: Pending, { mayOrder, mayApprove }: Reader): WaitingItem {
  const { cause, since, newly_blocked: figure, devices, bound } = pending
  return {
    key: 'pending',
    what: (
      <>
        An edit of the policy file <Moment at={since} /> is held back
        {cause === 'recall' ? ', since a recall stands' : ''}: it would newly block {count(figure)} of{' '}
        {count(devices)} devices, the bound is {count(bound)}.
      </>
    ),
    settlements: [
      ...(mayOrder
        ? [
            {
              title: 'Propose the edited policy file',
              action: 'Propose',
              effect: 'It is held back until an approver, who is somebody else, approves it.',
              figure: 0,
              path: '/policy/propose',
              body: {},
            },
          ]
        : []),
      ...(mayApprove
        ? [
            {
              title: 'Put the edit in force',
              action: 'Confirm',
              effect: `The edited policy comes into force on all hosts and newly blocks ${plural(figure, 'device')}.`,
              figure,
              path: '/policy/confirm',
              body: { figure },
            },
          ]
        : []),
    ],
    otherwise: mayApprove ? null : 'An approver confirms it',
  }
}

function recallItem({ from, author, at, reason }: Recall, { mayOrder }: Reader): WaitingItem {
  return {
    key: 'recall',
    what: (
      <>
        Version {from} was recalled by {author}, <Moment at={at} />: “{reason}”. Edits of the policy file wait
        until it counts again.
      </>
    ),
    settlements: mayOrder
      ? [
          {
            title: 'Let the policy file count again',
            action: 'Let the file count',
            effect: 'The next edit of the policy file comes into force by itself, within the guard’s bound.',
            figure: 0,
            path: '/policy/unpin',
            body: {},
          },
        ]
      : [],
    otherwise: mayOrder ? null : 'An operator lets it count again',
  }
}
