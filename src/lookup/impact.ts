import type { Impact, Tally } from '../policy/what-if'

const tallyJson = ({ count, platforms, rules, domains }: Tally): object => ({
  count,
  platforms: Object.fromEntries(platforms),
  rules: Object.fromEntries(rules),
  domains: Object.fromEntries(domains),
})

/** The published form of what a draft would do at one moment. */
export const impactJson = ({ devices, blocked, warned, allowed, noted }: Impact): object => ({
  devices,
  newly_blocked: tallyJson(blocked),
  newly_warned: tallyJson(warned),
  newly_allowed: tallyJson(allowed),
  silently_noted: tallyJson(noted),
})
