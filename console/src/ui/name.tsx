import type { JSX } from 'preact'

import { visible } from './words'

/** Longer ones may be broken anywhere, so that they do not push a table out of the window. */
const LONG = 30

/**
 * A name that came from a client, a feed or a person: it is told apart from the words beside it and reorders
 * none, as an address is written from left to right in every script.
 */
export const Name = ({ children }: { children: string }): JSX.Element => (
  <bdi dir="ltr" class={children.length > LONG ? 'name long' : 'name'}>
    {visible(children)}
  </bdi>
)

/** Such as `app:com.example.app`. */
export const Finding = ({ children }: { children: string }): JSX.Element => (
  <span class={children.length > LONG ? 'code finding long' : 'code finding'}>{visible(children)}</span>
)
