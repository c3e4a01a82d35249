import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'

import type { Time } from '../api/types'
import { ageWords, clockWords } from './time-words'

const TICK_MS = 5000
const ticking = new Set<() => void>()
let timer: ReturnType<typeof setInterval> | undefined

/** The time, for ages: one clock for all that shows one. */
function useNow(): number {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const tick = (): void => setNow(Date.now())
    ticking.add(tick)
    timer ??= setInterval(() => {
      for (const one of ticking) one()
    }, TICK_MS)
    return () => {
      ticking.delete(tick)
      if (ticking.size > 0) return
      clearInterval(timer)
      timer = undefined
    }
  }, [])
  return now
}

interface MomentProps {
  readonly at: Time | null | undefined
  /** What stands there when there is no time. */
  readonly none?: string
}

/** A time in the reader's zone with its age beside it; the title has it in UTC. */
export function Moment({ at, none = '–' }: MomentProps): JSX.Element {
  const now = useNow()
  const ms = Date.parse(at ?? '')
  if (at === null || at === undefined || Number.isNaN(ms)) return <span class="muted">{none}</span>
  return (
    <time class="moment" dateTime={at} title={`${at.slice(0, 19).replace('T', ' ')} UTC`}>
      <span>{clockWords(ms, now)}</span> <span class="age">{ageWords(ms, now)}</span>
    </time>
  )
}
