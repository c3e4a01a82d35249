import { appCatalogue } from '../config/app-catalogue'
import { closest } from '../config/closest'
import type { Settings } from './kind'

/** The device's apps are not known: that it has no finding about one says nothing. */
export const UNSEEN_APPS = 'unseen:app'

/** With the other findings of a device they stay within what a record may have. */
const MAX_WANTED = 200
/** A name as short as that is like many. */
const MIN_TYPO_CHARS = 5

/** The setting of every device manager that knows what is installed. */
export const APPS_SETTING = {
  apps: {
    type: 'array',
    default: [],
    maxItems: MAX_WANTED,
    uniqueItems: true,
    items: {
      type: 'string',
      pattern: '^[^\\s\\p{C},][^\\p{C},]{0,127}$',
      title: 'the id or the name of an app, of at most 128 characters',
    },
    description: 'apps to look for: ids, or names of config/device_gate_apps.yaml',
  },
} as const

/** By their lower-case form the apps to look for, as they are wanted. */
export type WantedApps = ReadonlyMap<string, string>

/** A name of the catalogue stands for itself and for each of its ids: some managers know apps by name only. */
export function wantedApps({ apps = [] }: Settings): WantedApps {
  const catalogue = appCatalogue({})
  const wanted = (apps as readonly string[]).flatMap((app) => {
    const name = app.toLowerCase()
    const ids = catalogue.get(appFinding(name))
    return ids ? [name, ...ids.map(appOf)] : [app]
  })
  return new Map(wanted.map((app) => [app.toLowerCase(), app]))
}

/** What the schema cannot see of the setting. */
export function appProblems(settings: Settings): string[] {
  const names = [...appCatalogue({}).keys()].map(appOf)
  const wanted = wantedApps(settings)
  const typos = [...wanted].flatMap(([name, app]) => {
    if (name.length < MIN_TYPO_CHARS || name.includes('.') || names.includes(name)) return []
    const near = closest(name, names)
    return near === undefined
      ? []
      : [`apps: ${app} is no name of device_gate_apps.yaml: did you mean ${near}?`]
  })
  if (wanted.size <= MAX_WANTED) return typos
  return [...typos, `apps: ${wanted.size} ids, at most ${MAX_WANTED} are looked for`]
}

/**
 * What a device's apps, by their ids or names, make of it. `areAll`: its manager sees every app there is. That a device has
 * none of the wanted apps is told only by the absence of a finding, so where nobody looked a finding says so; an app that is
 * told is there, also where the others are not.
 */
export function appFindings(wanted: WantedApps, told: Iterable<string>, areAll: boolean): string[] {
  if (wanted.size === 0) return [UNSEEN_APPS]
  const found = new Set<string>()
  for (const app of told) {
    const as = wanted.get(app.toLowerCase())
    if (as !== undefined) found.add(appFinding(as))
  }
  return [...[...found].sort(), ...(areAll ? [] : [UNSEEN_APPS])]
}

const PREFIX = 'app:'

/** As device records and mandates have it. */
export const appFinding = (app: string): string => PREFIX + app

/** The id or name in a finding about an app. */
export const appOf = (finding: string): string => finding.slice(PREFIX.length)

export const isAboutApp = (finding: string): boolean => finding.startsWith(PREFIX)
