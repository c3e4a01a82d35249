import type { JSX } from 'preact'

import { deviceUrl, personUrl, urlOf } from '../route'

export const UserLink = ({ user }: { user: string }): JSX.Element => (
  <a class="name" href={personUrl(user)}>
    {user}
  </a>
)

export const DeviceLink = ({ id }: { id: string | null }): JSX.Element =>
  id === null ? (
    <span class="muted">no device</span>
  ) : (
    <a class="name" href={deviceUrl(id)}>
      {id}
    </a>
  )

export const DecisionLink = ({ id }: { id: string }): JSX.Element => (
  <a class="code" href={urlOf('/blocks', { decision: id })}>
    {id}
  </a>
)
