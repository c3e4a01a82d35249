import { Fragment, type JSX } from 'preact'

import { Moment } from './moment'
import { visible } from './words'

const UTC = /(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z)/

/** What the gate wrote down, with its times in the reader's zone. */
export const Told = ({ children }: { children: string }): JSX.Element => (
  <>
    {children.split(UTC).map((part, index) => (
      <Fragment key={index}>{index % 2 === 1 ? <Moment at={part} /> : visible(part)}</Fragment>
    ))}
  </>
)
