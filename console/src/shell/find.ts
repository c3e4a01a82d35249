import { get } from '../api/client'
import { Problem } from '../api/problem'
import type { PersonPage, Why } from '../api/types'
import { deviceUrl, personUrl, urlOf } from '../route'

/** As it was meant: people type what they heard (Crockford's base 32 has no I, L and O). */
export const decisionId = (text: string): string =>
  text.toUpperCase().replace(/[IL]/g, '1').replace(/O/g, '0')

const DECISION = /^[0-9A-Z]{8}$/i

/** The page that `text` is about; null: nobody knows it. A device may be called like a decision: it comes first. */
export async function find(text: string): Promise<string | null> {
  if (text.includes('@')) return personUrl(text)
  if (await isKnown(urlOf('/why', { device: text }))) return deviceUrl(text)
  if (DECISION.test(text) && (await isKnown(urlOf('/why', { decision: decisionId(text) }))))
    return urlOf('/blocks', { decision: decisionId(text) })
  const { devices, recent } = await get<PersonPage>(personUrl(text))
  return devices.length + recent.length > 0 ? personUrl(text) : null
}

async function isKnown(path: string): Promise<boolean> {
  try {
    await get<Why>(path)
    return true
  } catch (error) {
    if (error instanceof Problem && (error.status === 404 || error.status === 400)) return false
    throw error
  }
}
