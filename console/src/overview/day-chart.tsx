import type { JSX } from 'preact'
import { useMemo, useState } from 'preact/hooks'
import type uPlot from 'uplot'

import type { HalfHour } from '../api/types'
import { Plot, type Colours } from '../ui/plot'
import { count } from '../ui/words'

const HEIGHT = 220
const HALF_HOUR_S = 1800

/** The last day by half hours: blocks, warnings and would-blocks on top of each other. */
export function DayChart({ series }: { series: readonly HalfHour[] }): JSX.Element {
  const [at, setAt] = useState<number | null>(null)
  const data = useMemo(() => stacked(series), [series])
  const options = useMemo(() => chartOptions(setAt), [])
  const total = (key: 'blocks' | 'warnings' | 'would_blocks'): number =>
    series.reduce((sum, half) => sum + half[key], 0)
  const shown = at === null ? undefined : series[at]
  const label = `In the last 24 hours: ${count(total('blocks'))} blocks, ${count(total('warnings'))} warnings, ${count(total('would_blocks'))} would-blocks`
  return (
    <section class="chart" aria-labelledby="day">
      <h2 id="day">Last 24 hours</h2>
      <ul class="legend">
        <Key tone="block" name="blocks" value={shown ? shown.blocks : total('blocks')} />
        <Key tone="warn" name="warnings" value={shown ? shown.warnings : total('warnings')} />
        <Key tone="would" name="would-blocks" value={shown ? shown.would_blocks : total('would_blocks')} />
        <li class="muted">
          {shown ? `the half hour from ${CLOCK.format(new Date(shown.time))}` : 'by half hours'}
        </li>
      </ul>
      <Plot label={label} data={data} options={options} height={HEIGHT} />
    </section>
  )
}

const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })

const Key = ({ tone, name, value }: { tone: string; name: string; value: number }): JSX.Element => (
  <li>
    <span class={`key ${tone}`} aria-hidden="true" /> <strong>{count(value)}</strong> {name}
  </li>
)

/** Bars hide each other: the highest stack is drawn first. */
function stacked(series: readonly HalfHour[]): uPlot.AlignedData {
  return [
    series.map(({ time }) => Date.parse(time) / 1000),
    series.map((half) => half.blocks + half.warnings + half.would_blocks),
    series.map((half) => half.blocks + half.warnings),
    series.map((half) => half.blocks),
  ]
}

const chartOptions =
  (onHover: (index: number | null) => void) =>
  (colours: Colours, library: typeof uPlot): Omit<uPlot.Options, 'width' | 'height'> => {
    const paths = library.paths.bars?.({ size: [0.8, 24], align: 1 })
    const bar = (fill: string): uPlot.Series => ({
      fill,
      width: 0,
      points: { show: false },
      ...(paths && { paths }),
    })
    const axis = {
      stroke: colours.text,
      font: '12px system-ui, sans-serif',
      grid: { stroke: colours.line, width: 1 },
      ticks: { show: false },
    }
    return {
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: {
        x: { range: (_plot, min, max) => [min, max + HALF_HOUR_S] },
        y: { range: (_plot, _min, max) => [0, Math.max(4, max * 1.1)] },
      },
      axes: [
        { ...axis, grid: { show: false }, values: '{HH}:{mm}', space: 60 },
        {
          ...axis,
          size: 44,
          incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000],
        },
      ],
      series: [{}, bar(colours.would), bar(colours.warn), bar(colours.block)],
      hooks: { setCursor: [(plot) => onHover(plot.cursor.idx ?? null)] },
    }
  }
