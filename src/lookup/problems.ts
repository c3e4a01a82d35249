import { holdText } from '../orders/holds'
import { pendingText } from '../orders/pending'
import type { Proposal } from '../orders/proposal'
import { hostName } from '../devices/redis/host-report'
import { blindText, releaseCommand } from './feeds'
import { NO_POLICY } from './site'
import type { StatusFacts } from './status'

export const PROBLEM_KINDS = [
  'damaged',
  'no_policy',
  'policy_file',
  'config_file',
  'oauth_keys',
  'restart_needed',
  'held_back',
  'proposed',
  'feed_held',
  'feed',
  'recalled',
  'store',
  'host',
  'set_aside',
  'not_running',
] as const
export type ProblemKind = (typeof PROBLEM_KINDS)[number]

/** Something that needs attention, and what to do about it. */
export interface Problem {
  readonly kind: ProblemKind
  readonly text: string
  readonly todo: string
}

/** What needs attention, the most urgent first. */
export const problemsOf = (facts: StatusFacts): readonly Problem[] => [
  ...facts.damaged.map((message) => problem('damaged', ...split(message))),
  ...(facts.policyVersion === null && facts.damaged.length === 0
    ? [problem('no_policy', ...split(NO_POLICY))]
    : []),
  ...(facts.gate
    ? []
    : [problem('not_running', 'the gate does not run: nobody is checked on this host', 'start Haraka')]),
  ...facts.policyProblems.map((text) =>
    problem('policy_file', text, 'mend the policy; the last good one is in force meanwhile'),
  ),
  ...facts.configProblems.map((text) =>
    problem('config_file', text, 'mend device_gate.yaml; the last good one is in force meanwhile'),
  ),
  ...heldBack(facts),
  ...(facts.recall?.pinned
    ? [
        problem(
          'recalled',
          `policy version ${facts.recall.from} was recalled, and edits of the policy file are held back`,
          'device-gate policy unpin --reason "..." lets the file count again',
        ),
      ]
    : []),
  ...feedProblems(facts),
  ...fleetProblems(facts),
  ...(facts.gate?.oauthProblem == null
    ? []
    : [
        problem(
          'oauth_keys',
          `the keys of OAuth tokens cannot be fetched: ${facts.gate.oauthProblem}`,
          'the last ones count for a day; bring identity.oauth.jwks_uri back, or mend it',
        ),
      ]),
  ...facts.configWaiting.map((key) =>
    problem('restart_needed', `the edit of ${key} is not in force`, 'restart Haraka'),
  ),
]

const problem = (kind: ProblemKind, text: string, todo: string): Problem => ({ kind, text, todo })

/** A message says what is wrong and, behind a semicolon or colon, what to do. */
function split(message: string): [string, string] {
  const at = message.search(/[;:] (?!.*[;:] )/)
  return at === -1 ? [message, ''] : [message.slice(0, at), message.slice(at + 2)]
}

function heldBack({ pending, held, proposals }: StatusFacts): Problem[] {
  return [
    ...(pending
      ? [problem('held_back', ...split(`the edit of the policy file is held back: ${pendingText(pending)}`))]
      : []),
    ...held.map(([id, hold]) => problem('held_back', ...split(holdText(id, hold)))),
    ...proposals.map(([id, proposal]) =>
      problem('proposed', proposalText(proposal), `device-gate policy approve ${id} --reason "..."`),
    ),
  ]
}

function proposalText(proposal: Proposal): string {
  const { author, newlyBlocked, devices } = proposal
  const what = 'mandate' in proposal ? `that mandate ${proposal.mandate} may block:` : 'a policy:'
  return `${author} proposes ${what} it would newly block ${newlyBlocked} of ${devices} devices`
}

const feedProblems = ({ feeds }: StatusFacts): Problem[] =>
  feeds.flatMap((feed) => [
    ...(feed.held && feed.of === null
      ? [
          problem(
            'feed_held',
            `feed ${feed.name} is held: ${feed.held.why}`,
            `look at its source, then: ${releaseCommand(feed)}`,
          ),
        ]
      : []),
    ...(feed.blindTo.length === 0
      ? []
      : [
          problem(
            'feed',
            `feed ${feed.name} ${blindText(feed)}`,
            'whoever has one of them passes: remove the feed, and add it with them in apps',
          ),
        ]),
    ...(feed.problem
      ? [problem('feed', `feed ${feed.name}: ${feed.problem.message}`, `device-gate feed test ${feed.name}`)]
      : []),
  ])

function fleetProblems({ fleet }: StatusFacts): Problem[] {
  if (!fleet) return []
  const { problem: storeProblem, hosts } = fleet.status
  return [
    ...(storeProblem === null
      ? []
      : [problem('store', storeProblem, 'hosts go on with what they hold; bring the store back')]),
    ...hosts.flatMap((host) =>
      host.standing === 'well'
        ? []
        : [
            problem(
              'host',
              `${hostName(host.id, hosts)} is ${host.standing}`,
              'look at its log and its way to the store',
            ),
          ],
    ),
    ...(fleet.setAside.count === 0
      ? []
      : [
          problem(
            'set_aside',
            `${fleet.setAside.count} entries of the store cannot be read: ${fleet.setAside.examples[0] ?? ''}`,
            'write those entries again',
          ),
        ]),
  ]
}
