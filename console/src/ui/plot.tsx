import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import type uPlot from 'uplot'

type Options = Omit<uPlot.Options, 'width' | 'height'>

export interface Colours {
  readonly text: string
  readonly line: string
  readonly block: string
  readonly warn: string
  readonly would: string
  readonly ok: string
}

interface PlotProps {
  /** What it shows, for those who do not see it. */
  readonly label: string
  readonly data: uPlot.AlignedData
  readonly options: (colours: Colours, library: typeof uPlot) => Options
  readonly height: number
}

const dark = matchMedia('(prefers-color-scheme: dark)')

function currentColours(): Colours {
  const style = getComputedStyle(document.documentElement)
  const of = (name: string): string => style.getPropertyValue(name)
  return {
    text: of('--muted'),
    line: of('--line'),
    block: of('--block'),
    warn: of('--warn'),
    would: of('--would'),
    ok: of('--ok'),
  }
}

/** A uPlot chart as wide as its place, in the colours of the scheme. The library comes when the first one is shown. */
export function Plot({ label, data, options, height }: PlotProps): JSX.Element {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | undefined>(undefined)
  const newest = useRef(data)
  newest.current = data

  useEffect(() => {
    const element = place.current
    if (!element) return undefined
    let gone = false
    const width = (): number => Math.max(200, element.clientWidth)
    const draw = async (): Promise<void> => {
      const { default: library } = await import('uplot')
      if (gone) return
      plot.current?.destroy()
      plot.current = new library(
        { ...options(currentColours(), library), width: width(), height },
        newest.current,
        element,
      )
    }
    const redraw = (): void => void draw()
    const observer = new ResizeObserver(() => plot.current?.setSize({ width: width(), height }))
    redraw()
    dark.addEventListener('change', redraw)
    observer.observe(element)
    return () => {
      gone = true
      dark.removeEventListener('change', redraw)
      observer.disconnect()
      plot.current?.destroy()
      plot.current = undefined
    }
  }, [options, height])

  useEffect(() => plot.current?.setData(data), [data])

  return <div ref={place} class={`plot h${height}`} role="img" aria-label={label} />
}
