import type { ComponentChildren, JSX } from 'preact'
import { useState } from 'preact/hooks'

import { asProblem, type GuardFigure, type Problem } from '../api/problem'
import { Dialog } from './dialog'
import { ProblemNote } from './notices'
import { count, plural } from './words'

interface OrderDialogProps {
  readonly title: string
  /** The words of the button that gives the order. */
  readonly action: string
  /** What the order will do. */
  readonly children?: ComponentChildren
  readonly dangerous?: boolean
  /** Must be typed before the order is given: what it is about. */
  readonly typed?: string
  readonly give: (reason: string, confirm: number | undefined) => Promise<void>
  readonly onClose: () => void
}

/**
 * Asks for the reason of an order and gives it. Where the guard refuses, it shows how many devices would newly be
 * blocked and asks for that figure.
 */
export function OrderDialog(props: OrderDialogProps): JSX.Element {
  const { title, action, children, dangerous = false, typed, give, onClose } = props
  const [reason, setReason] = useState('')
  const [echo, setEcho] = useState('')
  const [figure, setFigure] = useState('')
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<Problem>()
  const guard = problem?.guard ?? null
  const confirmed = guard !== null && figure.trim() !== '' ? Number(figure) : undefined

  const submit = async (): Promise<void> => {
    setBusy(true)
    try {
      await give(reason.trim(), confirmed)
      onClose()
    } catch (error) {
      setProblem(asProblem(error))
      setFigure('')
      setBusy(false)
    }
  }

  const ready =
    reason.trim() !== '' &&
    (typed === undefined || echo.trim() === typed) &&
    (guard === null || confirmed === guard.confirm)

  return (
    <Dialog title={title} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (ready && !busy) void submit()
        }}
      >
        {children}
        <label>
          Reason <span class="muted">(kept in the history)</span>
          <input
            value={reason}
            onInput={(e) => setReason(e.currentTarget.value)}
            required
            maxLength={500}
            autofocus
          />
        </label>
        {typed !== undefined && (
          <label>
            Type <strong>{typed}</strong> to go on
            <input value={echo} onInput={(e) => setEcho(e.currentTarget.value)} required autocomplete="off" />
          </label>
        )}
        {problem &&
          (guard ? <GuardNote guard={guard} problem={problem} /> : <ProblemNote problem={problem} />)}
        {guard?.confirm != null && (
          <label>
            How many devices may it newly block?
            <input
              value={figure}
              onInput={(e) => setFigure(e.currentTarget.value)}
              inputMode="numeric"
              autocomplete="off"
              aria-describedby="guard-figure"
              required
            />
          </label>
        )}
        <div class="buttons">
          <button type="submit" class={dangerous ? 'danger' : 'primary'} disabled={busy || !ready}>
            {busy ? 'Giving the order…' : action}
          </button>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  )
}

function GuardNote({ guard, problem }: { guard: GuardFigure; problem: Problem }): JSX.Element {
  const { newlyBlocked, devices, bound, confirm } = guard
  return (
    <div class="notice bad" role="alert">
      <p id="guard-figure">
        <strong>
          This would newly block {count(newlyBlocked)} of {count(devices)} devices.
        </strong>{' '}
        Without a confirmation {plural(bound, 'device is', 'devices are')} allowed. Nothing was changed.
      </p>
      <p>{confirm === null ? problem.detail : 'If it is meant, type that figure below.'}</p>
    </div>
  )
}
