import type { Override } from '../policy/override'
import { isoTime } from './site'

/** The published form of an override. */
export const overrideJson = ({ kind, subject, author, reason, createdAt, expiresAt }: Override): object => ({
  kind,
  on: subject.kind,
  id: subject.id,
  author,
  reason,
  created_at: isoTime(createdAt),
  expires_at: expiresAt === null ? null : isoTime(expiresAt),
})
