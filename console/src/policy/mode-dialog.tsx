import type { JSX } from 'preact'
import { useState } from 'preact/hooks'

import { MODES } from '../../../src/policy/vocabulary'
import { post } from '../api/client'
import type { Overview } from '../api/types'
import { confirmField } from '../ui/confirm-field'
import { OrderDialog } from '../ui/order-dialog'
import { MODE_WORDS } from '../ui/words'

interface ModeDialogProps {
  readonly overview: Overview
  readonly onClose: () => void
  readonly onDone: () => void
}

const OWN = 'policy'

export function ModeDialog({ overview, onClose, onDone }: ModeDialogProps): JSX.Element {
  const { mode_override: override, policy_mode: policyMode } = overview
  const current = override?.mode ?? OWN
  const [mode, setMode] = useState<string>(current)
  const choices = [
    [OWN, `as the policy says${policyMode === null ? '' : ` (${policyMode})`}`] as const,
    ...MODES.map((one) => [one, `${one}: ${MODE_WORDS[one]}`] as const),
  ]
  const give = async (reason: string, confirm?: number): Promise<void> => {
    await post('/mode', { mode, reason, ...confirmField(confirm) })
    onDone()
  }
  return (
    <OrderDialog title="Change the mode of all hosts" action="Change the mode" give={give} onClose={onClose}>
      <fieldset>
        <legend>The mode stands beside the policy until somebody takes it back</legend>
        {choices.map(([value, words]) => (
          <label key={value} class="switch">
            <input
              type="radio"
              name="mode"
              value={value}
              checked={mode === value}
              onChange={() => setMode(value)}
            />
            {words}
          </label>
        ))}
      </fieldset>
    </OrderDialog>
  )
}
