import type { Zone } from './words'

/** The zone that the policy's author writes times in: that of the first one. */
export function zoneOf(text: string): Zone | undefined {
  const zone = /\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)/.exec(text)?.[1]
  if (zone === undefined) return undefined
  if (zone === 'Z') return 0
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4))
  return zone.startsWith('-') ? -minutes : minutes
}
