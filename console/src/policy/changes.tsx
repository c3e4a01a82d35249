import type { JSX } from 'preact'

import type { Change } from '../api/types'

/** What a policy changes of the one before it. */
export const Changes = ({ changes }: { changes: readonly Change[] }): JSX.Element => (
  <ul class="words">
    {changes.map(({ what, change }) => (
      <li key={what}>{change}</li>
    ))}
  </ul>
)
