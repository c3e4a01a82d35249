import type { JSX } from 'preact'

import { post } from '../api/client'
import type { RecallProof } from '../api/types'
import { OrderDialog } from '../ui/order-dialog'
import { plural } from '../ui/words'

interface RecallDialogProps {
  /** The one in force. */
  readonly version: number
  /** null: the newest one before it that says something else. */
  readonly to: number | null
  readonly onClose: () => void
  readonly onDone: (proof: RecallProof) => void
}

export function RecallDialog({ version, to, onClose, onDone }: RecallDialogProps): JSX.Element {
  const give = async (reason: string): Promise<void> => {
    onDone(await post<RecallProof>('/recall', { reason, ...(to !== null && { to }) }))
  }
  return (
    <OrderDialog
      title={`Recall policy version ${version}`}
      action="Recall the policy"
      dangerous
      typed={`recall ${version}`}
      give={give}
      onClose={onClose}
    >
      <ul>
        <li>
          What {to === null ? 'the version before it' : `version ${to}`} said is in force again, as version{' '}
          {version + 1}, in all workers of all hosts within a second.
        </li>
        <li>Whoever is blocked by version {version} alone syncs again at the next try.</li>
        <li>No guard holds it up, whatever the older policy blocks.</li>
        <li>Where the policy is a file, the file cannot undo it: edits wait until somebody confirms one.</li>
      </ul>
    </OrderDialog>
  )
}

/** The proof: where it is in force, and who was affected. */
export const RecallTold = ({ proof }: { proof: RecallProof }): JSX.Element => (
  <div class="notice good" role="status">
    <p>
      <strong>
        Version {proof.recalled} is taken back; what version {proof.to} said is in force again
        {proof.this_host_only ? ' on this host only: the store does not answer' : ''}.
      </strong>
    </p>
    <p>
      Under it {plural(proof.blocked.devices, 'device')} of {plural(proof.blocked.people, 'person', 'people')}{' '}
      were blocked, {plural(proof.warned.devices, 'device')} of{' '}
      {plural(proof.warned.people, 'person', 'people')} warned.
    </p>
  </div>
)
