import type { JSX } from 'preact'
import { useMemo } from 'preact/hooks'
import type uPlot from 'uplot'

import type { Moment as MomentFigures, Tally } from '../api/types'
import { Moment } from '../ui/moment'
import { Plot, type Colours } from '../ui/plot'
import { Table, type Column } from '../ui/table'
import { count } from '../ui/words'

const HEIGHT = 200
const DAY_S = 86_400

/** Who is hit by when, by the draft, compared with what is in force now. */
export function WhatIf({ moments }: { moments: readonly MomentFigures[] }): JSX.Element {
  const data = useMemo(() => steps(moments), [moments])
  const last = moments.at(-1)
  const label = last
    ? `By the last moment ${count(last.newly_blocked.count)} of ${count(last.devices)} devices are newly blocked and ${count(last.newly_warned.count)} newly warned`
    : 'No moment'
  return (
    <section class="chart" aria-labelledby="what-if">
      <h2 id="what-if">Who is hit by when</h2>
      <p class="muted">
        Every device decided under the draft, as if it were enforced, against what is in force now: at this
        moment and at each deadline, stage and end to come.
      </p>
      <ul class="legend">
        <li>
          <span class="key block" aria-hidden="true" /> newly blocked
        </li>
        <li>
          <span class="key warn" aria-hidden="true" /> newly warned
        </li>
        <li>
          <span class="key ok" aria-hidden="true" /> newly allowed
        </li>
      </ul>
      <Plot label={label} data={data} options={stepOptions} height={HEIGHT} />
      <Table caption="Who is hit by when" columns={COLUMNS} items={moments} keyOf={({ at }) => at} />
    </section>
  )
}

const MAX_SHOWN = 3

/** The largest of a tally, in words. */
function largest(counts: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(counts).sort((a, b) => b[1] - a[1])
  const shown = sorted.slice(0, MAX_SHOWN).map(([name, n]) => `${name === '' ? 'none' : name} ${count(n)}`)
  return sorted.length > MAX_SHOWN ? `${shown.join(', ')}, …` : shown.join(', ')
}

const tallyCell = ({ count: n, rules, platforms, domains }: Tally): JSX.Element => (
  <>
    <strong>{count(n)}</strong>
    {n > 0 && <span class="muted tally">{[rules, platforms, domains].map(largest).join(' · ')}</span>}
  </>
)

const COLUMNS: readonly Column<MomentFigures>[] = [
  { name: 'At', cell: ({ at }) => <Moment at={at} /> },
  { name: 'Newly blocked', cell: ({ newly_blocked: tally }) => tallyCell(tally) },
  { name: 'Newly warned', cell: ({ newly_warned: tally }) => tallyCell(tally) },
  { name: 'Newly allowed', cell: ({ newly_allowed: tally }) => tallyCell(tally) },
  { name: 'Of devices', cell: ({ devices }) => count(devices), figure: true },
]

/** The figures hold from one moment to the next; the last ones are drawn on for a day. */
function steps(moments: readonly MomentFigures[]): uPlot.AlignedData {
  const last = moments.at(-1)
  const all = last ? [...moments, last] : moments
  const times = moments.map(({ at }) => Date.parse(at) / 1000)
  const end = times.at(-1)
  return [
    end === undefined ? times : [...times, end + DAY_S],
    all.map((moment) => moment.newly_blocked.count),
    all.map((moment) => moment.newly_warned.count),
    all.map((moment) => moment.newly_allowed.count),
  ]
}

function stepOptions(colours: Colours, library: typeof uPlot): Omit<uPlot.Options, 'width' | 'height'> {
  const paths = library.paths.stepped?.({ align: 1 })
  const line = (stroke: string): uPlot.Series => ({
    stroke,
    width: 2,
    points: { show: false },
    ...(paths && { paths }),
  })
  const axis = { stroke: colours.text, font: '12px system-ui, sans-serif', ticks: { show: false } }
  const grid = { stroke: colours.line, width: 1 }
  return {
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_plot, _min, max) => [0, Math.max(4, max * 1.1)] } },
    axes: [
      { ...axis, grid: { show: false }, values: '{D} {MMM} {HH}:{mm}', space: 100 },
      { ...axis, grid, size: 56 },
    ],
    series: [{}, line(colours.block), line(colours.warn), line(colours.ok)],
  }
}
