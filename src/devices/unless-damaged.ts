import { CorruptRecordError } from './store'

/** What `read` gives, undefined when it is damaged, which may be told: one such entry must not hide the rest. */
export function unlessDamaged<T>(
  read: () => T,
  tell: (message: string) => unknown = () => undefined,
): T | undefined {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof CorruptRecordError)) throw error
    tell(error.message)
    return undefined
  }
}
