import { readTextFile } from '../config/file-watcher'
import { openToAll } from '../config/secret-file'
import { FeedError } from './feed-error'

/** Where a secret is, never the secret itself: `file:/path` or `env:NAME`. */
export type SecretReference = string

const REFERENCE = /^(?:file:(\/.+)|env:([A-Za-z_][A-Za-z0-9_]*))$/

export const isSecretReference = (text: string): boolean => REFERENCE.test(text)

/** Reads a secret anew, so that a changed file counts at the next request. Throws FeedError. */
export function readSecret(name: string, reference: SecretReference | undefined): string {
  const [, file, variable] = REFERENCE.exec(reference ?? '') ?? []
  if (file !== undefined) return secretOfFile(name, file)
  if (variable !== undefined) {
    const value = process.env[variable]
    if (value !== undefined && value !== '') return value
    throw new FeedError('settings', `secret ${name}: the environment has no ${variable}`)
  }
  throw new FeedError('settings', `secret ${name} is missing: --secret ${name}=file:/path or =env:NAME`)
}

function secretOfFile(name: string, file: string): string {
  const content = readTextFile(file)
  if (!content.ok) throw new FeedError('settings', `secret ${name}: ${file} ${content.problem}`)
  const [problem] = openToAll(file)
  if (problem !== undefined) throw new FeedError('settings', `secret ${name}: ${problem}`)
  const value = content.text.replace(/\r?\n$/, '')
  if (value === '') throw new FeedError('settings', `secret ${name}: ${file} is empty`)
  return value
}
