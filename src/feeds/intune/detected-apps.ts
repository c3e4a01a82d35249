import { appCatalogue } from '../../config/app-catalogue'
import { appFinding, appOf, wantedApps, type WantedApps } from '../app-findings'
import { FeedError } from '../feed-error'
import { textOf, type Fields } from '../fields'
import type { Settings } from '../kind'
import type { Graph } from './graph'

const APPS = 'deviceManagement/detectedApps'
/** Detected apps of wanted names; each version is one. */
const MAX_DETECTED = 5000
/** They are kept in memory for a sweep. */
const MAX_INSTALLED = 1_000_000

/** Ids that Intune does not tell: to look for one would find nothing, and nobody would be told. */
export function idProblems({ apps = [] }: Settings): string[] {
  const wanted = new Set((apps as readonly string[]).map((app) => appFinding(app.toLowerCase())))
  return [...appCatalogue({})].flatMap(([name, ids]) =>
    ids
      .filter((id) => wanted.has(id.toLowerCase()))
      .map((id) => `apps: Intune knows no ids such as ${appOf(id)}: say ${appOf(name)}`),
  )
}

/** Those to look for that it can tell: of a name of the catalogue the name alone. */
export function tellableApps(settings: Settings): WantedApps {
  const ids = [...appCatalogue({}).values()].flat().map((id) => appOf(id).toLowerCase())
  return new Map([...wantedApps(settings)].filter(([app]) => !ids.includes(app)))
}

interface DetectedApp {
  readonly id: string
  readonly name: string
}

/**
 * Those of the tenant that are looked for. Intune tells the names of apps, not their ids. All are gone through: that they
 * can be filtered is not documented.
 */
export async function detectedApps(graph: Graph, wanted: WantedApps): Promise<DetectedApp[]> {
  const detected: DetectedApp[] = []
  for await (const page of graph.pages(`${APPS}?$select=id,displayName`))
    for (const app of page) {
      const name = textOf(app['displayName'])
      if (name === undefined || !wanted.has(name.toLowerCase())) continue
      detected.push({ id: idOf(app, `the detected app ${name}`), name })
      if (detected.length > MAX_DETECTED)
        throw new FeedError('answer', `more than ${MAX_DETECTED} detected apps have the names looked for`)
    }
  return detected
}

/** By Intune's id of a device the names of the wanted apps on it. */
export type InstalledApps = ReadonlyMap<string, readonly string[]>

export async function installedApps(graph: Graph, wanted: WantedApps): Promise<InstalledApps> {
  const installed = new Map<string, string[]>()
  if (wanted.size === 0) return installed
  let count = 0
  for (const { id, name } of await detectedApps(graph, wanted))
    for await (const page of graph.pages(`${APPS}/${encodeURIComponent(id)}/managedDevices?$select=id`)) {
      for (const device of page) {
        const key = idOf(device, `a device that has ${name}`)
        const names = installed.get(key)
        if (names) names.push(name)
        else installed.set(key, [name])
      }
      count += page.length
      if (count > MAX_INSTALLED)
        throw new FeedError('answer', `more than ${MAX_INSTALLED} devices have the apps looked for`)
    }
  return installed
}

/** Without it somebody would pass who has the app. */
function idOf(object: Fields, what: string): string {
  const id = textOf(object['id'])
  if (id === undefined) throw new FeedError('answer', `${what} has no id`)
  return id
}
