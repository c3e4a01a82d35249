import type { ComponentChildren, JSX } from 'preact'

import type { Case, Step } from '../api/types'
import { OutcomeBadge, StateBadge } from '../ui/badge'
import { CopyButton } from '../ui/copy-button'
import { DeviceLink, UserLink } from '../ui/links'
import { Moment } from '../ui/moment'
import { Finding, Name } from '../ui/name'
import { spanWords } from '../ui/time-words'
import { PLATFORM_WORDS, PROOF_WORDS, REASON_WORDS, outcomeWords, visible } from '../ui/words'

interface CaseCardProps {
  readonly of: Case
  /** The page is about it already. */
  readonly hideDevice?: boolean
  /** The answer stands above it already. */
  readonly hideAnswer?: boolean
}

/** How somebody is decided now: the answer, what to tell them, what it rests on, and the way through the ten steps. */
export function CaseCard({ of: one, hideDevice = false, hideAnswer = false }: CaseCardProps): JSX.Element {
  const { outcome, enforced, text, evidence, valid_until: until } = one
  return (
    <section class="case">
      {!hideAnswer && (
        <h2>
          <Answer of={one} />
        </h2>
      )}
      {text === '' ? null : <ReadOut text={text} served={!enforced || outcome === 'allow'} />}
      <dl class="facts">
        {!hideDevice && (
          <Fact name="Device">
            <DeviceLink id={one.device} />
            {one.platform !== null && ` ${PLATFORM_WORDS[one.platform]}`}
          </Fact>
        )}
        <Fact name="Person">{one.user === '' ? 'no owner' : <UserLink user={one.user} />}</Fact>
        <Fact name="Proven by">{PROOF_WORDS[one.proof]}</Fact>
        {evidence && (
          <>
            <Fact name="Evidence">
              {evidence.age_s === null ? 'none' : `${spanWords(evidence.age_s * 1000)} old`}
              {evidence.source !== null && (
                <>
                  , from <Name>{evidence.source}</Name>
                </>
              )}
            </Fact>
            {evidence.state !== null && (
              <Fact name="State">
                <StateBadge state={evidence.state} />
              </Fact>
            )}
            <Fact name="Findings">
              {evidence.findings.length === 0
                ? 'none'
                : evidence.findings.map((finding) => <Finding key={finding}>{finding}</Finding>)}
            </Fact>
          </>
        )}
        <Fact name="Holds until">
          <Moment at={until} none="something changes" />
        </Fact>
        <Fact name="Policy">{one.policy === 0 ? 'none' : `version ${one.policy}`}</Fact>
      </dl>
      <Steps steps={one.steps} />
    </section>
  )
}

/** `blocked a mandate's deadline has passed: friday`. */
export const Answer = ({ of: { outcome, enforced, reason, rule } }: { of: Case }): JSX.Element => (
  <>
    <OutcomeBadge outcome={outcome} enforced={enforced} /> {REASON_WORDS[reason]}
    {rule !== null && (
      <>
        : <span class="code">{rule}</span>
      </>
    )}
  </>
)

const Fact = ({ name, children }: { name: string; children: ComponentChildren }): JSX.Element => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
)

function ReadOut({ text, served }: { text: string; served: boolean }): JSX.Element {
  return (
    <figure class="read-out">
      <figcaption>{served ? 'What they would be told' : 'Read this to the person'}</figcaption>
      <blockquote>{text}</blockquote>
      <CopyButton text={text} />
    </figure>
  )
}

const RESULT_CLASSES: Readonly<Record<Step['result'], string>> = {
  passed: 'passed',
  decided: 'decided',
  'not reached': 'unreached',
}

/** Each of the ten steps with what it saw; the one that decided stands out. */
const Steps = ({ steps }: { steps: readonly Step[] }): JSX.Element => (
  <details class="steps" open>
    <summary>Why: the ten steps</summary>
    <ol>
      {steps.map(({ step, name, saw, result, effect }) => (
        <li key={step} value={step} class={RESULT_CLASSES[result]}>
          <span class="step-name">{name}</span>
          <span class="step-saw">{result === 'not reached' ? 'not reached' : visible(saw)}</span>
          <span class="step-result">
            {result === 'decided'
              ? effect === null
                ? 'decided'
                : outcomeWords(effect, true)
              : result === 'passed'
                ? 'passed'
                : ''}
          </span>
        </li>
      ))}
    </ol>
  </details>
)
