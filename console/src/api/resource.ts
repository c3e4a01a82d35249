import { useCallback, useEffect, useState } from 'preact/hooks'

import { get } from './client'
import { asProblem, type Problem } from './problem'
import type { Time } from './types'

export interface Resource<T> {
  /** The newest answer; while another path is asked for, still that of the former one. */
  readonly data: T | undefined
  readonly problem: Problem | undefined
  /** What is shown is not (or not yet) the answer to what is asked for. */
  readonly stale: boolean
  /** When `data` was answered. */
  readonly answeredAt: Time | undefined
  readonly reload: () => void
}

const RETRY_MS = 5000

/** The answer to a GET, asked again when `path` changes, on `reload`, and every `pollMs` while the page is seen. */
export function useResource<T>(path: string | null, pollMs?: number): Resource<T> {
  const [answer, setAnswer] = useState<{ path: string; data: T; at: Time }>()
  const [problem, setProblem] = useState<Problem>()
  const [turn, setTurn] = useState(0)
  const reload = useCallback(() => setTurn((before) => before + 1), [])

  useEffect(() => {
    if (path === null) return undefined
    const abort = new AbortController()
    get<T>(path, abort.signal).then(
      (data) => {
        setAnswer({ path, data, at: new Date().toISOString() })
        setProblem(undefined)
      },
      (error: unknown) => {
        if (abort.signal.aborted) return
        setProblem(asProblem(error))
      },
    )
    return () => abort.abort()
  }, [path, turn])

  useEffect(() => {
    const everyMs = pollMs ?? (problem?.status === 0 ? RETRY_MS : undefined)
    if (everyMs === undefined) return undefined
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') reload()
    }, everyMs)
    return () => clearInterval(timer)
  }, [pollMs, problem, reload])

  const stale = answer !== undefined && answer.path !== path
  return { data: answer?.data, problem, stale, answeredAt: answer?.at, reload }
}
