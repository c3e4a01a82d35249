import { useCallback, useEffect, useRef, useState } from 'preact/hooks'

import { API, get } from '../api/client'
import { asProblem, type Problem } from '../api/problem'
import type { Block, BlocksPage } from '../api/types'
import { caseKey, entryKey, foldInto } from './entries'

/** More is for the pages behind, and for the export. */
const MAX_ROWS = 500
const RETRY_MS = 5000
/** What comes within this time is shown at once together. */
const GATHER_MS = 100

export type LiveStanding = 'connecting' | 'live' | 'paused' | 'reconnecting'

export interface Live {
  readonly rows: readonly Block[] | undefined
  readonly next: string | null
  readonly standing: LiveStanding
  /** While it is paused: how many came. */
  readonly waiting: number
  readonly problem: Problem | undefined
  readonly pause: (paused: boolean) => void
}

/**
 * The newest entries and those that come. The stream is opened before the list is asked for, so that nothing falls
 * between them; what is in both is shown once.
 */
export function useLive(path: string, streamPath: string, fold: boolean): Live {
  const [rows, setRows] = useState<readonly Block[]>()
  const [next, setNext] = useState<string | null>(null)
  const [standing, setStanding] = useState<LiveStanding>('connecting')
  const [waiting, setWaiting] = useState(0)
  const [problem, setProblem] = useState<Problem>()
  const paused = useRef(false)
  const held = useRef<Block[]>([])
  const show = useRef<() => void>(() => undefined)

  useEffect(() => {
    const abort = new AbortController()
    const seen = new Set<string>()
    let list: readonly Block[] | undefined
    let gathering: ReturnType<typeof setTimeout> | undefined
    held.current = []
    paused.current = false
    setWaiting(0)
    setStanding('connecting')

    show.current = (): void => {
      gathering = undefined
      if (!list) return
      if (paused.current) {
        setWaiting(held.current.length)
        return
      }
      for (const block of held.current.splice(0)) list = withBlock(list, block, fold)
      list = list.slice(0, MAX_ROWS)
      setWaiting(0)
      setRows(list)
    }
    const take = (block: Block): void => {
      const key = entryKey(block)
      if (seen.has(key)) return
      seen.add(key)
      held.current.push(block)
      if (held.current.length > MAX_ROWS) held.current.shift()
      gathering ??= setTimeout(() => show.current(), GATHER_MS)
    }
    const load = async (): Promise<void> => {
      try {
        const page = await get<BlocksPage>(path, abort.signal)
        list = page.items
        const known = new Set(page.items.map(entryKey))
        for (const key of known) seen.add(key)
        held.current = held.current.filter((block) => !known.has(entryKey(block)))
        setNext(page.next)
        setProblem(undefined)
        setRows(list)
        show.current()
      } catch (error) {
        if (!abort.signal.aborted) setProblem(asProblem(error))
      }
    }

    let source: EventSource
    let retry: ReturnType<typeof setTimeout> | undefined
    const open = (): void => {
      source = new EventSource(`${API}${streamPath}`)
      source.addEventListener('open', () => {
        setStanding(paused.current ? 'paused' : 'live')
        if (!list) void load()
      })
      source.addEventListener('block', (event: MessageEvent<string>) => take(JSON.parse(event.data) as Block))
      source.addEventListener('error', () => {
        setStanding('reconnecting')
        // The browser tries again by itself unless the answer was no stream at all.
        if (source.readyState === EventSource.CLOSED) retry = setTimeout(open, RETRY_MS)
        if (!list) void load()
      })
    }
    open()
    return () => {
      abort.abort()
      source.close()
      clearTimeout(gathering)
      clearTimeout(retry)
    }
  }, [path, streamPath, fold])

  const pause = useCallback((on: boolean) => {
    paused.current = on
    setStanding(on ? 'paused' : 'live')
    show.current()
  }, [])
  return { rows, next, standing, waiting, problem, pause }
}

function withBlock(list: readonly Block[], block: Block, fold: boolean): readonly Block[] {
  if (!fold) return [block, ...list]
  const key = caseKey(block)
  const same = list.find((one) => caseKey(one) === key)
  return [foldInto(same, block), ...list.filter((one) => one !== same)]
}
