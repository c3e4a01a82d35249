import fs from 'node:fs'
import path from 'node:path'

import type { PolicyProblem } from '../policy/validation'
import type { Platform } from '../policy/vocabulary'
import { closest } from './closest'
import { readYaml } from './yaml-file'

/** By the name of an app its ids on each platform. */
export type AppsYaml = Readonly<Record<string, Readonly<Partial<Record<Platform, readonly string[]>>>>>

/** By a finding that names an app, `app:tiktok`, the findings that device management may report for it. */
export type AppCatalogue = ReadonlyMap<string, readonly string[]>

const FILE = path.join(__dirname, '..', '..', 'config', 'device_gate_apps.yaml')

/** The published names, with those of a site. An id that two platforms share is there once. */
export const appCatalogue = (ofSite: AppsYaml): AppCatalogue =>
  new Map(
    Object.entries({ ...published(), ...ofSite }).map(([name, platforms]) => [
      `app:${name}`,
      [...new Set(Object.values(platforms).flat())].map((id) => `app:${id}`),
    ]),
  )

let read: AppsYaml | undefined

/** Part of this package: that it can be read is the package's affair. */
function published(): AppsYaml {
  if (read) return read
  const reading = readYaml(fs.readFileSync(FILE, 'utf8'), FILE)
  if (!reading.ok) throw new Error(`${FILE} is damaged: install the package anew`)
  const { apps } = reading.yaml.value() as { readonly apps: AppsYaml }
  return (read = apps)
}

/**
 * A name that is almost one of the catalogue would find nothing, and nobody would be told. Others without a dot may be
 * what a source calls an app; a short one is like many.
 */
export function appNameProblems(finding: string, index: number, apps: AppCatalogue): PolicyProblem[] {
  if (!/^app:[^.]{5,}$/.test(finding) || apps.has(finding)) return []
  const near = closest(finding, [...apps.keys()])
  if (near === undefined) return []
  const problem = `is no name in the catalogue of apps; did you mean "${near}"? Else put it into apps`
  return [{ path: ['mandates', index, 'finding'], problem }]
}
