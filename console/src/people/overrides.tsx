import type { JSX } from 'preact'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'

import { post, remove } from '../api/client'
import type { Override, Subject } from '../api/types'
import { useMay } from '../session'
import { Badge } from '../ui/badge'
import { confirmField } from '../ui/confirm-field'
import { Moment } from '../ui/moment'
import { Name } from '../ui/name'
import { OrderDialog } from '../ui/order-dialog'
import { visible } from '../ui/words'

interface OverridesProps {
  readonly subject: Subject
  readonly overrides: readonly Override[]
  readonly onChange: () => void
}

type Open = 'exempt' | 'lock' | Override | null

/** What stands on a person or device by somebody's order, and the orders that can be given. */
export function Overrides({ subject, overrides, onChange }: OverridesProps): JSX.Element {
  const mayOrder = useMay('operator')
  const [open, setOpen] = useState<Open>(null)
  const section = useRef<HTMLElement>(null)
  const close = (): void => setOpen(null)
  const isReleased = useRef(false)
  const released = (): void => {
    isReleased.current = true
    onChange()
  }
  // The dialog gives the focus back to a button that goes with what was released.
  useLayoutEffect(() => {
    if (!isReleased.current || document.activeElement !== document.body) return
    isReleased.current = false
    section.current?.focus()
  }, [overrides])
  return (
    <section ref={section} tabIndex={-1} aria-label="Exemptions and locks">
      {overrides.length > 0 && (
        <ul class="overrides">
          {overrides.map((one) => (
            <li key={`${one.kind} ${one.on} ${one.id}`}>
              <Badge tone={one.kind === 'lock' ? 'block' : 'ok'}>
                {one.kind === 'lock' ? 'locked' : 'exempted'}
              </Badge>
              <span>
                {one.on} <Name>{one.id}</Name> by {one.author}: “{visible(one.reason)}”, until{' '}
                <Moment at={one.expires_at} none="it is released" />
              </span>
              {mayOrder && (
                <button type="button" onClick={() => setOpen(one)}>
                  Release
                </button>
              )}
            </li>
          ))}
        </ul>
      )}
      {mayOrder && (
        <div class="buttons">
          <button type="button" class="primary" onClick={() => setOpen('exempt')}>
            Exempt…
          </button>
          <button type="button" onClick={() => setOpen('lock')}>
            Lock…
          </button>
        </div>
      )}
      {open === 'exempt' && <ExemptDialog subject={subject} onClose={close} onDone={onChange} />}
      {open === 'lock' && <LockDialog subject={subject} onClose={close} onDone={onChange} />}
      {open !== null && typeof open === 'object' && (
        <ReleaseDialog override={open} onClose={close} onDone={released} />
      )}
    </section>
  )
}

interface SubjectDialogProps {
  readonly subject: Subject
  readonly onClose: () => void
  readonly onDone: () => void
}

const named = ({ kind, id }: Subject): string => (kind === 'user' ? id : `device ${id}`)

function ExemptDialog({ subject, onClose, onDone }: SubjectDialogProps): JSX.Element {
  const [hours, setHours] = useState('4')
  const give = async (reason: string, confirm?: number): Promise<void> => {
    await post('/overrides', {
      kind: 'exemption',
      subject,
      hours: Number(hours),
      reason,
      ...confirmField(confirm),
    })
    onDone()
  }
  return (
    <OrderDialog title={`Exempt ${named(subject)}`} action="Exempt" give={give} onClose={onClose}>
      <p>
        Mail works again within a second, whatever the policy says, until the time is over.
        {subject.kind === 'user' && ' This is for all devices of this person.'}
      </p>
      <label>
        For how many hours
        <input
          type="number"
          min="1"
          max="8760"
          value={hours}
          onInput={(event) => setHours(event.currentTarget.value)}
          required
        />
      </label>
    </OrderDialog>
  )
}

function LockDialog({ subject, onClose, onDone }: SubjectDialogProps): JSX.Element {
  const give = async (reason: string, confirm?: number): Promise<void> => {
    await post('/overrides', { kind: 'lock', subject, reason, ...confirmField(confirm) })
    onDone()
  }
  return (
    <OrderDialog title={`Lock ${named(subject)}`} action="Lock" dangerous give={give} onClose={onClose}>
      <p>
        Sync and sending are refused from now on and open sessions are ended, until somebody releases the
        lock. A lock counts before any exemption.
      </p>
    </OrderDialog>
  )
}

interface ReleaseDialogProps {
  readonly override: Override
  readonly onClose: () => void
  readonly onDone: () => void
}

function ReleaseDialog({ override, onClose, onDone }: ReleaseDialogProps): JSX.Element {
  const { kind, on, id } = override
  const subject: Subject = { kind: on, id }
  const give = async (reason: string, confirm?: number): Promise<void> => {
    await remove('/overrides', { kind, subject, reason, ...confirmField(confirm) })
    onDone()
  }
  return (
    <OrderDialog
      title={`Release the ${kind} of ${named(subject)}`}
      action="Release"
      give={give}
      onClose={onClose}
    >
      <p>
        {kind === 'lock'
          ? 'The policy decides again.'
          : 'The exemption ends now, and the policy decides again.'}
      </p>
    </OrderDialog>
  )
}
