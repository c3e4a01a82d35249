import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'

import { useResource, type Resource } from '../api/resource'
import type { Overview, PolicyInForce, RecallProof } from '../api/types'
import { useMay } from '../session'
import { Moment } from '../ui/moment'
import { Empty, Loaded } from '../ui/notices'
import { ModeDialog } from './mode-dialog'
import { PolicyText } from './policy-text'
import { RecallDialog, RecallTold } from './recall'

export function CurrentPolicy({ overview }: { overview: Resource<Overview> }): JSX.Element {
  const version = overview.data?.policy_version
  const policy = useResource<PolicyInForce>('/policy')
  const { reload } = policy
  useEffect(reload, [version, reload])
  const mayOrder = useMay('operator')
  const [open, setOpen] = useState<'recall' | 'mode' | null>(null)
  const [proof, setProof] = useState<RecallProof>()
  const changed = (): void => {
    reload()
    overview.reload()
  }
  if (version === null)
    return (
      <Empty>
        <p>
          No policy was ever in force. Write <code>config/device_gate_policy.yaml</code>, with{' '}
          <code>mode: monitor</code> first: everything is noted and nobody is refused.
        </p>
      </Empty>
    )
  return (
    <>
      {proof && <RecallTold proof={proof} />}
      <Loaded resource={policy}>
        {({ words, text, at, author, reason, version }) => (
          <>
            <div class="heading">
              <p class="subtitle">
                Version {version}, by {author}, <Moment at={at} />
                {reason !== '' && `: “${reason}”`}
              </p>
              {mayOrder && (
                <div class="buttons">
                  <button type="button" onClick={() => setOpen('mode')}>
                    Change the mode…
                  </button>
                  {version > 1 && (
                    <button type="button" class="danger" onClick={() => setOpen('recall')}>
                      Recall…
                    </button>
                  )}
                </div>
              )}
            </div>
            <section class="in-words" aria-labelledby="words">
              <h2 id="words">In plain words</h2>
              <ul class="words">
                {words.map((sentence) => (
                  <li key={sentence}>{sentence}</li>
                ))}
              </ul>
            </section>
            <PolicyText text={text} />
            {open === 'mode' && overview.data && (
              <ModeDialog overview={overview.data} onClose={() => setOpen(null)} onDone={changed} />
            )}
            {open === 'recall' && (
              <RecallDialog
                version={version}
                to={null}
                onClose={() => setOpen(null)}
                onDone={(told) => {
                  setProof(told)
                  changed()
                }}
              />
            )}
          </>
        )}
      </Loaded>
    </>
  )
}
