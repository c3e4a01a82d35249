const RFC3339 = /^(\d{4}-\d\d-\d\d)T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/

/** An RFC 3339 time as epoch milliseconds; undefined for one without a zone, and for days that no calendar has. */
export function momentOf(text: string): number | undefined {
  const day = RFC3339.exec(text)?.[1]
  const ms = day === undefined ? NaN : Date.parse(text)
  // Date.parse rolls the 31st of June over to July.
  const exists =
    day !== undefined && !Number.isNaN(ms) && new Date(`${day}T00:00:00Z`).toISOString().startsWith(day)
  return exists ? ms : undefined
}
