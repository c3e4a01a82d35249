import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'

import { usePlace } from '../route'

const two = (n: number): string => String(n).padStart(2, '0')

/** As the browser's own field wants it: the reader's zone, without saying it. */
function localOf(utc: string): string {
  const at = new Date(utc)
  if (Number.isNaN(at.getTime())) return ''
  return (
    `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}` +
    `T${two(at.getHours())}:${two(at.getMinutes())}`
  )
}

const utcOf = (local: string): string => (local === '' ? '' : new Date(local).toISOString())

/** A moment, typed in the reader's zone; the URL has it in UTC, so that it means the same to another reader. */
export function RangeFilter({ name, label }: { name: string; label: string }): JSX.Element {
  const inUrl = usePlace().query.get(name) ?? ''
  const [utc, setUtc] = useState(inUrl)
  useEffect(() => setUtc(inUrl), [inUrl])
  return (
    <label>
      {label}
      <input
        type="datetime-local"
        value={localOf(utc)}
        onInput={(event) => setUtc(utcOf(event.currentTarget.value))}
      />
      <input type="hidden" name={name} value={utc} />
    </label>
  )
}
