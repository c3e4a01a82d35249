import { ORDER_UNREACHED, Problem, problemOf, UNREACHED } from './problem'

export const API = '/api/v1'

let csrf = ''
let onSignedOut: () => void = () => undefined

/** The value that every change has to carry beside the cookie. */
export function rememberCsrf(value: string): void {
  csrf = value
}

/** Called when the session is over: somebody has to sign in again. */
export function whenSignedOut(listener: () => void): void {
  onSignedOut = listener
}

type Method = 'GET' | 'POST' | 'DELETE'

interface Call {
  readonly body?: object
  readonly signal?: AbortSignal
}

/** One call of the API; throws a Problem for whatever is not the answer. */
export async function call<T>(method: Method, path: string, { body, signal }: Call = {}): Promise<T> {
  const headers: Record<string, string> = { accept: 'application/json' }
  if (method !== 'GET') {
    headers['content-type'] = 'application/json'
    headers['x-device-gate-csrf'] = csrf
  }
  let response: Response
  try {
    response = await fetch(`${API}${path}`, {
      method,
      headers,
      ...(method !== 'GET' && { body: JSON.stringify(body ?? {}) }),
      ...(signal && { signal }),
    })
  } catch (error) {
    if (signal?.aborted === true) throw error
    throw method === 'GET' || path === '/session' ? UNREACHED : ORDER_UNREACHED
  }
  if (!response.ok) {
    const problem = await problemOf(response)
    if (problem.status === 401 && path !== '/session') onSignedOut()
    throw problem
  }
  if (response.status === 204) return undefined as T
  try {
    return (await response.json()) as T
  } catch {
    throw new Problem(response.status, 'The answer is not readable', path, null, null)
  }
}

export const get = <T>(path: string, signal?: AbortSignal): Promise<T> =>
  call<T>('GET', path, signal ? { signal } : {})
export const post = <T>(path: string, body: object): Promise<T> => call<T>('POST', path, { body })
export const remove = <T>(path: string, body: object = {}): Promise<T> => call<T>('DELETE', path, { body })
