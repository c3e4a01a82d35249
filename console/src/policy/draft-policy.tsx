import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'

import { post } from '../api/client'
import { asProblem, type Problem } from '../api/problem'
import { useResource, type Resource } from '../api/resource'
import type {
  Change,
  Checked,
  Moment as MomentFigures,
  Overview,
  PolicyInForce,
  TextProblem,
} from '../api/types'
import { useMay } from '../session'
import { confirmField } from '../ui/confirm-field'
import { Loading, ProblemNote } from '../ui/notices'
import { OrderDialog } from '../ui/order-dialog'
import { Changes } from './changes'
import { WhatIf } from './what-if'

const MIN_ROWS = 8
const MAX_ROWS = 24
const KEPT = 'device-gate draft'

/** What was found out about a text. */
type Findings =
  | { readonly kind: 'valid'; readonly changes: readonly Change[] }
  | { readonly kind: 'invalid'; readonly problems: readonly TextProblem[] }
  | { readonly kind: 'what-if'; readonly moments: readonly MomentFigures[] }
  | { readonly kind: 'done'; readonly words: string }

export function DraftPolicy({ overview }: { overview: Resource<Overview> }): JSX.Element {
  const inForce = useResource<PolicyInForce>('/policy')
  const source = overview.data?.policy_source
  const hasNone = overview.data?.policy_version === null
  const mayOrder = useMay('operator')
  const [text, setText] = useState<string | null>(() => sessionStorage.getItem(KEPT))
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<Problem>()
  const [findings, setFindings] = useState<Findings>()
  const [order, setOrder] = useState<'propose' | 'apply' | null>(null)
  useEffect(() => {
    if (text === null && inForce.data) setText(inForce.data.text)
    if (text === null && hasNone) setText('mode: monitor\n')
  }, [text, inForce.data, hasNone])

  const edit = (changed: string): void => {
    sessionStorage.setItem(KEPT, changed)
    setText(changed)
    setFindings(undefined)
    setProblem(undefined)
  }
  const ask = async (question: () => Promise<Findings>): Promise<void> => {
    setBusy(true)
    setProblem(undefined)
    try {
      setFindings(await question())
    } catch (error) {
      setFindings(undefined)
      setProblem(asProblem(error))
    }
    setBusy(false)
  }
  const check = async (): Promise<Findings> => {
    const { ok, problems, diff } = await post<Checked>('/policy/check', { text })
    return ok ? { kind: 'valid', changes: diff } : { kind: 'invalid', problems }
  }
  const whatIf = async (): Promise<Findings> => {
    const checked = await check()
    if (checked.kind === 'invalid') return checked
    const { moments } = await post<{ moments: readonly MomentFigures[] }>('/policy/what-if', { text })
    return { kind: 'what-if', moments }
  }
  const give = async (reason: string, confirm?: number): Promise<void> => {
    if (order === 'apply') await post('/policy/apply', { text, reason, ...confirmField(confirm) })
    else await post('/policy/propose', { text, reason })
    setFindings({
      kind: 'done',
      words: order === 'apply' ? 'The policy is in force.' : 'Proposed. Somebody else has to approve it.',
    })
    overview.reload()
  }

  if (text === null) return inForce.problem ? <ProblemNote problem={inForce.problem} /> : <Loading />
  const isInvalid = findings?.kind === 'invalid'
  return (
    <div class="draft">
      <label for="draft">
        Draft <span class="muted">(kept in this tab only)</span>
      </label>
      <textarea
        id="draft"
        value={text}
        onInput={(event) => edit(event.currentTarget.value)}
        spellcheck={false}
        rows={Math.min(MAX_ROWS, Math.max(MIN_ROWS, text.split('\n').length + 1))}
        aria-invalid={isInvalid}
        aria-describedby="draft-findings"
      />
      <div class="buttons">
        <button type="button" disabled={busy} onClick={() => void ask(check)}>
          Check
        </button>
        <button type="button" class="primary" disabled={busy} onClick={() => void ask(whatIf)}>
          {busy ? 'Deciding every device…' : 'What if?'}
        </button>
        {mayOrder && (
          <button type="button" disabled={busy} onClick={() => setOrder('propose')}>
            Propose…
          </button>
        )}
        {mayOrder && source === 'fleet' && (
          <button type="button" disabled={busy} onClick={() => setOrder('apply')}>
            Put in force…
          </button>
        )}
        {inForce.data && text !== inForce.data.text && (
          <button type="button" class="quiet" onClick={() => edit(inForce.data?.text ?? '')}>
            Back to what is in force
          </button>
        )}
      </div>
      {source === 'file' && (
        <p class="muted">
          This site’s policy is <code>config/device_gate_policy.yaml</code> on its host: what is in force
          changes there. Try the edit here first; what is proposed has to be what the file says.
        </p>
      )}
      <div id="draft-findings" aria-live="polite">
        {problem && <ProblemNote problem={problem} />}
        {findings && <Found findings={findings} />}
      </div>
      {order && (
        <OrderDialog
          title={order === 'apply' ? 'Put the draft in force' : 'Propose the draft'}
          action={order === 'apply' ? 'Put in force' : 'Propose'}
          give={give}
          onClose={() => setOrder(null)}
        >
          <p>
            {order === 'apply'
              ? 'It is in force on all hosts within a second.'
              : 'Nothing changes until an approver, who is somebody else, approves it.'}
          </p>
        </OrderDialog>
      )}
    </div>
  )
}

function Found({ findings }: { findings: Findings }): JSX.Element {
  switch (findings.kind) {
    case 'valid':
      return (
        <div class="notice good">
          <p>
            The draft is valid, and its own tests hold.
            {findings.changes.length === 0 ? ' It says what is in force.' : ' It changes this:'}
          </p>
          <Changes changes={findings.changes} />
        </div>
      )
    case 'done':
      return <p class="notice good">{findings.words}</p>
    case 'invalid':
      return (
        <ol class="notice bad problems">
          {findings.problems.map(({ line, column, problem }) => (
            <li key={`${line} ${column} ${problem}`}>
              <strong>Line {line}</strong>: {problem}
            </li>
          ))}
        </ol>
      )
    case 'what-if':
      return <WhatIf moments={findings.moments} />
  }
}
