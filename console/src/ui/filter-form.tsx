import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'

import { navigate, urlOf, usePlace } from '../route'

/** A form whose fields are the page's query: what is chosen is in the URL. */
export function FilterForm({ label, children }: { label: string; children: ComponentChildren }): JSX.Element {
  const { path, query } = usePlace()
  const apply = (form: HTMLFormElement): void => {
    const fields = [...new FormData(form)].map(([name, value]) => [
      name,
      typeof value === 'string' ? value.trim() : '',
    ])
    navigate(urlOf(path, Object.fromEntries(fields) as Record<string, string>))
  }
  return (
    <form
      class="filters"
      role="search"
      aria-label={label}
      onSubmit={(event) => {
        event.preventDefault()
        apply(event.currentTarget)
      }}
      onChange={(event) => {
        if (event.target instanceof HTMLSelectElement || isCheckbox(event.target)) apply(event.currentTarget)
      }}
    >
      <details open={isRoomy || query.size > 0}>
        <summary>Filter</summary>
        <div class="fields">
          {children}
          <div class="buttons">
            <button type="submit">Apply</button>
            {query.size > 0 && <a href={path}>Clear</a>}
          </div>
        </div>
      </details>
    </form>
  )
}

/** Where there is little room the fields are folded until they are asked for. */
const isRoomy = matchMedia('(min-width: 761px)').matches

const isCheckbox = (target: EventTarget | null): boolean =>
  target instanceof HTMLInputElement && target.type === 'checkbox'

interface FieldProps {
  readonly name: string
  readonly label: string
  readonly hint?: string
}

export function TextFilter({ name, label, hint }: FieldProps): JSX.Element {
  const inUrl = usePlace().query.get(name) ?? ''
  const [text, setText] = useState(inUrl)
  useEffect(() => setText(inUrl), [inUrl])
  return (
    <label>
      {label}
      <input
        name={name}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        placeholder={hint}
        autocomplete="off"
        spellcheck={false}
      />
    </label>
  )
}

type Choices = readonly (readonly [value: string, words: string])[]

export function ChoiceFilter({ name, label, choices }: FieldProps & { choices: Choices }): JSX.Element {
  const { query } = usePlace()
  const chosen = query.get(name) ?? ''
  return (
    <label>
      {label}
      <select name={name} value={chosen}>
        <option value="">any</option>
        {choices.map(([value, words]) => (
          <option key={value} value={value}>
            {words}
          </option>
        ))}
      </select>
    </label>
  )
}

export function SwitchFilter({ name, label }: FieldProps): JSX.Element {
  const { query } = usePlace()
  return (
    <label class="switch">
      <input type="checkbox" name={name} value="true" checked={query.get(name) === 'true'} />
      {label}
    </label>
  )
}
