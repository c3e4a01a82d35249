import type { JSX } from 'preact'

import { deviceUrl, personUrl, urlOf } from '../route'
import { Name } from './name'

export const UserLink = ({ user }: { user: string }): JSX.Element => (
  <a href={personUrl(user)}>
    <Name>{user}</Name>
  </a>
)

export const DeviceLink = ({ id }: { id: string | null }): JSX.Element =>
  id === null ? (
    <span class="muted">no device</span>
  ) : (
    <a href={deviceUrl(id)}>
      <Name>{id}</Name>
    </a>
  )

export const DecisionLink = ({ id }: { id: string }): JSX.Element => (
  <a class="code" href={urlOf('/blocks', { decision: id })}>
    {id}
  </a>
)
