import { useEffect, useState } from 'preact/hooks'

/** Where the reader is: all state of a page that can be shared is in the URL. */
export interface Place {
  readonly path: string
  readonly query: URLSearchParams
}

const here = (): Place => ({ path: location.pathname, query: new URLSearchParams(location.search) })

const listeners = new Set<() => void>()

export function navigate(url: string, { replace = false } = {}): void {
  if (url === `${location.pathname}${location.search}`) replace = true
  history[replace ? 'replaceState' : 'pushState'](null, '', url)
  for (const listener of listeners) listener()
}

export function usePlace(): Place {
  const [place, setPlace] = useState(here)
  useEffect(() => {
    const look = (): void => setPlace(here())
    listeners.add(look)
    addEventListener('popstate', look)
    return () => {
      listeners.delete(look)
      removeEventListener('popstate', look)
    }
  }, [])
  return place
}

/** Links within the console change the page without loading it anew. */
export function followLinks(): void {
  addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0) return
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    const link = event.target instanceof Element ? event.target.closest('a') : null
    if (!link || link.target !== '' || link.hasAttribute('download') || link.origin !== location.origin)
      return
    if (link.getAttribute('href')?.startsWith('#') === true) return
    event.preventDefault()
    navigate(`${link.pathname}${link.search}`)
  })
}

export type Query = Readonly<Record<string, string | null | undefined>>

/** `path` with `query`; what is empty is left out. */
export function urlOf(path: string, query: Query | URLSearchParams = {}): string {
  const entries = query instanceof URLSearchParams ? [...query] : Object.entries(query)
  const params = new URLSearchParams()
  for (const [name, value] of entries)
    if (value !== null && value !== undefined && value !== '') params.set(name, value)
  const text = params.toString()
  return text === '' ? path : `${path}?${text}`
}

/** The place's URL with some of its query changed. */
export const urlWith = ({ path, query }: Place, changes: Query): string =>
  urlOf(path, { ...Object.fromEntries(query), ...changes })

export const deviceUrl = (id: string): string => `/devices/${encodeURIComponent(id)}`
export const personUrl = (user: string): string => `/people/${encodeURIComponent(user)}`

/** What stands behind `prefix` in a path; null: it is another path, or no name that can be read. */
export function nameIn(path: string, prefix: string): string | null {
  if (!path.startsWith(prefix) || path.length === prefix.length) return null
  try {
    return decodeURIComponent(path.slice(prefix.length))
  } catch {
    return null
  }
}
