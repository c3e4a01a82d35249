import { createContext } from 'preact'
import { useContext } from 'preact/hooks'

import type { Role, Session } from './api/types'

export const SessionContext = createContext<Session | null>(null)

const RANK: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, approver: 2 }

/** Whether the signed in person may do what `role` may: what they may not do is not offered. */
export function useMay(role: Role): boolean {
  const session = useContext(SessionContext)
  return session !== null && RANK[session.role] >= RANK[role]
}

export const useSessionName = (): string => useContext(SessionContext)?.name ?? ''
