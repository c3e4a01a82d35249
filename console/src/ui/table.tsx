import type { ComponentChildren, JSX } from 'preact'

export interface Column<T> {
  readonly name: string
  readonly cell: (item: T) => ComponentChildren
  /** Figures are set to the right. */
  readonly figure?: boolean
  /** What people write may be one long word. */
  readonly prose?: boolean
}

interface TableProps<T> {
  readonly caption: string
  readonly columns: readonly Column<T>[]
  readonly items: readonly T[]
  readonly keyOf: (item: T, index: number) => string | number
  readonly rowClass?: (item: T) => string | undefined
}

/** A real table; where there is little room each row becomes a block with the names before the values. */
export function Table<T>({ caption, columns, items, keyOf, rowClass }: TableProps<T>): JSX.Element {
  return (
    <table>
      <caption class="hidden">{caption}</caption>
      <thead>
        <tr>
          {columns.map(({ name, figure }) => (
            <th key={name} scope="col" class={figure ? 'figure' : undefined}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {items.map((item, index) => (
          <tr key={keyOf(item, index)} class={rowClass?.(item)}>
            {columns.map(({ name, cell, figure, prose }) => (
              <td key={name} data-name={name} class={figure ? 'figure' : prose ? 'prose' : undefined}>
                {cell(item)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  )
}
