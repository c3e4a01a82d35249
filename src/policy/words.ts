import type { Mandate, Policy, Stage } from './policy'
import type { Action, Platform } from './vocabulary'

/** Minutes east of UTC: the zone in which a reader is told the times. */
export type Zone = number

const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const

const MINUTE_MS = 60_000

/** `10 July 2026 23:59 (UTC-7)`; with seconds where they are not zero. */
export function momentWords(moment: number, zone: Zone): string {
  const there = new Date(moment + zone * MINUTE_MS)
  const iso = there.toISOString()
  const clock = moment % MINUTE_MS === 0 ? iso.slice(11, 16) : iso.slice(11, 19)
  const day = `${there.getUTCDate()} ${MONTHS[there.getUTCMonth()] ?? ''} ${there.getUTCFullYear()}`
  return `${day} ${clock} (${zoneWords(zone)})`
}

function zoneWords(zone: Zone): string {
  if (zone === 0) return 'UTC'
  const minutes = Math.abs(zone) % 60
  const hours = Math.floor(Math.abs(zone) / 60)
  return `UTC${zone < 0 ? '-' : '+'}${hours}${minutes === 0 ? '' : `:${String(minutes).padStart(2, '0')}`}`
}

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', MINUTE_MS],
  ['second', 1000],
] as const

/** The largest unit that goes into it evenly. */
export function durationWords(ms: number): string {
  const [unit, size] = UNITS.find(([, size]) => ms % size === 0) ?? UNITS[3]
  return counted(ms / size, unit)
}

/** `45 s`, `30 min`, `3 h`, `7 d`: how long ago or how far ahead, at a glance. */
export function spanWords(ms: number): string {
  const seconds = Math.max(0, ms / 1000)
  if (seconds < 120) return `${Math.round(seconds)} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`
  return `${Math.round(seconds / 86_400)} d`
}

export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

const PHONES: readonly Platform[] = ['ios', 'android']
const LAPTOPS: readonly Platform[] = ['windows', 'macos', 'linux', 'chromeos']

/** `phones (ios, android)`, `windows devices`. */
export function platformWords(platforms: readonly Platform[]): string {
  const list = platforms.join(', ')
  const covers = (kind: readonly Platform[]): boolean => kind.every((one) => platforms.includes(one))
  if (covers([...PHONES, ...LAPTOPS, 'other'])) return 'all devices'
  if (platforms.every((one) => PHONES.includes(one)))
    return covers(PHONES) ? `phones (${list})` : `${list} phones`
  if (platforms.every((one) => LAPTOPS.includes(one)))
    return covers(LAPTOPS) ? `laptops (${list})` : `${list} laptops`
  return `${list} devices`
}

/** Of phones and laptops, which a mandate leaves alone altogether. */
function leftAlone(platforms: readonly Platform[]): string | undefined {
  const none = (kind: readonly Platform[]): boolean => !kind.some((one) => platforms.includes(one))
  if (none(LAPTOPS)) return 'laptops are not'
  return none(PHONES) ? 'phones are not' : undefined
}

/** A finding as a reader would say it. */
export const findingWords = (finding: string): string =>
  finding.startsWith('app:') ? `the app ${finding.slice('app:'.length)}` : `the finding ${finding}`

/** Whom a mandate is about. */
export function subjectWords({ platforms, finding, groups }: Mandate): string {
  const who = groups === undefined ? '' : ` of ${groupWords(groups)}`
  return `${platformWords(platforms)}${who} with ${findingWords(finding)}`
}

export const groupWords = (names: readonly string[]): string =>
  names.length === 1 ? `the group ${names[0] ?? ''}` : `the groups ${names.join(', ')}`

export const stageWords = (stage: Stage, zone: Zone): string =>
  `${'percent' in stage ? `${stage.percent} %` : groupWords(stage.groups)} from ${momentWords(stage.from, zone)}`

/** What a mandate does, as one sentence. */
export function mandateSentence(mandate: Mandate, zone: Zone): string {
  const { warnFrom, deadline, stages, until, mode = 'block' } = mandate
  const subject = subjectWords(mandate)
  const warning =
    warnFrom < deadline ? `from ${momentWords(warnFrom, zone)} ${subject} are warned` : undefined
  const from = `from ${momentWords(deadline, zone)}`
  const they = warning === undefined ? subject : 'they'
  const blocking =
    mode === 'warn'
      ? `${from} ${they} are still only warned`
      : stages === undefined
        ? `${from} ${they} are blocked`
        : `${they} are blocked in stages (${stages.map((stage) => stageWords(stage, zone)).join(', then ')}), the others are only warned`
  const end = until === undefined ? undefined : `until ${momentWords(until, zone)}`
  const rest = leftAlone(mandate.platforms)
  const told = `${[warning, blocking, end].filter((part) => part !== undefined).join(', ')}${rest === undefined ? '' : `; ${rest}`}`
  return mode === 'silent'
    ? `It is silent: nobody notices it, the block log notes what would happen: ${told}.`
    : `${told.charAt(0).toUpperCase()}${told.slice(1)}.`
}

const ACTION_WORDS: Readonly<Record<Action, string>> = { allow: 'let in', warn: 'warned', block: 'blocked' }
export const actionWords = (action: Action): string => ACTION_WORDS[action]

export const MODE_WORDS: Readonly<Record<Policy['mode'], string>> = {
  off: 'off (nothing is decided)',
  monitor: 'monitor (everything is decided and noted, nobody is refused)',
  enforce: 'enforce (blocks are refused)',
}
