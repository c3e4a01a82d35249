const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const

const FEW = 3

/** `3 min`, `1 d 4 h`: the largest unit that goes into it, and the next where hours or days are few. */
export function spanWords(ms: number): string {
  const index = UNITS.findIndex(([, size]) => ms >= size)
  const [unit, size] = UNITS[index] ?? ['s', 1000]
  const whole = Math.floor(ms / size)
  const next = UNITS[index + 1]
  if (!next || next[0] === 's' || whole >= FEW) return `${whole} ${unit}`
  const rest = Math.floor((ms - whole * size) / next[1])
  return rest === 0 ? `${whole} ${unit}` : `${whole} ${unit} ${rest} ${next[0]}`
}

/** What is to come is rounded: an exemption for four hours does not end "in 3 h" once a second is over. */
function spanToCome(ms: number): string {
  const [, size] = UNITS.find(([, one]) => ms >= one * FEW) ?? ['s', 1000]
  return spanWords(Math.round(ms / size) * size)
}

/** `3 min ago`, `in 2 d`. */
export function ageWords(at: number, now: number): string {
  const ms = now - at
  if (Math.abs(ms) < 1000) return 'now'
  return ms < 0 ? `in ${spanToCome(-ms)}` : `${spanWords(ms)} ago`
}

const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' })
const DAY_OF_YEAR = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' })
const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const MINUTE = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })

/** In the reader's zone; the day only where it is not today, the year only where it is not this one. */
export function clockWords(at: number, now: number): string {
  const [then, today] = [new Date(at), new Date(now)]
  if (then.toDateString() === today.toDateString()) return CLOCK.format(then)
  const day = then.getFullYear() === today.getFullYear() ? DAY : DAY_OF_YEAR
  return `${day.format(then)} ${MINUTE.format(then)}`
}
