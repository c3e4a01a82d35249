import { useCallback, useEffect, useRef, useState } from 'preact/hooks'

import { API, get } from '../api/client'
import { asProblem, isRefused, type Problem } from '../api/problem'
import type { Block, BlocksPage } from '../api/types'
import { caseKey, entryKey, foldInto } from './entries'

/** More is for the pages behind, and for the export. */
const MAX_ROWS = 500
/** Entries that are known, so that none is shown twice. */
const MAX_SEEN = 4 * MAX_ROWS
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
  const isOpen = useRef(false)
  const held = useRef<Block[]>([])
  const show = useRef<() => void>(() => undefined)

  useEffect(() => {
    const abort = new AbortController()
    let list: readonly Block[] | undefined
    let isBehind = false
    let seen = new Set<string>()
    let gathering: ReturnType<typeof setTimeout> | undefined
    let retry: ReturnType<typeof setTimeout> | undefined
    held.current = []
    paused.current = false
    setWaiting(0)
    setStanding('connecting')

    show.current = (): void => {
      clearTimeout(gathering)
      gathering = undefined
      if (paused.current) setWaiting(held.current.length)
      else if (isBehind) void load()
      else if (list) {
        for (const block of held.current.splice(0)) list = withBlock(list, block, fold)
        list = list.slice(0, MAX_ROWS)
        if (seen.size > MAX_SEEN) seen = new Set(list.map(entryKey))
        setWaiting(0)
        setRows(list)
      }
    }
    const take = (block: Block): void => {
      const key = entryKey(block)
      if (seen.has(key)) return
      seen.add(key)
      if (held.current.push(block) > MAX_ROWS) {
        held.current.shift()
        isBehind = true
      }
      gathering ??= setTimeout(() => show.current(), GATHER_MS)
    }
    const load = async (): Promise<void> => {
      isBehind = false
      try {
        const page = await get<BlocksPage>(path, abort.signal)
        list = page.items
        const newest = fold ? (page.items[0]?.time ?? '') : ''
        const known = new Set(page.items.map(entryKey))
        held.current = held.current.filter((block) => !known.has(entryKey(block)) && block.time > newest)
        seen = new Set([...known, ...held.current.map(entryKey)])
        setNext(page.next)
        setProblem(undefined)
        show.current()
      } catch (error) {
        if (abort.signal.aborted) return
        const problem = asProblem(error)
        setProblem(problem)
        if (isRefused(problem)) stop()
      }
    }
    /** Something may have been missed. */
    const catchUp = (): void => {
      isBehind = true
      if (!paused.current) void load()
    }

    let source: EventSource
    /** What is asked for is wrong: it is so the next time too. */
    const stop = (): void => {
      source.close()
      clearTimeout(retry)
    }
    const open = (): void => {
      source = new EventSource(`${API}${streamPath}`)
      source.addEventListener('open', () => {
        isOpen.current = true
        setStanding(paused.current ? 'paused' : 'live')
        catchUp()
      })
      source.addEventListener('gap', catchUp)
      source.addEventListener('block', (event: MessageEvent<string>) => take(JSON.parse(event.data) as Block))
      source.addEventListener('error', () => {
        isOpen.current = false
        setStanding(paused.current ? 'paused' : 'reconnecting')
        // The browser tries again by itself unless the answer was no stream at all.
        if (source.readyState === EventSource.CLOSED) retry = setTimeout(open, RETRY_MS)
        if (!list) void load()
      })
    }
    open()
    return () => {
      abort.abort()
      stop()
      clearTimeout(gathering)
    }
  }, [path, streamPath, fold])

  const pause = useCallback((on: boolean) => {
    paused.current = on
    setStanding(on ? 'paused' : isOpen.current ? 'live' : 'reconnecting')
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
