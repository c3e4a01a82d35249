import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'

import { asProblem } from '../api/problem'
import { navigate } from '../route'
import { find } from './find'

/** On every page: what somebody reads from a refusal, or any user or device. */
export function SearchBox(): JSX.Element {
  const input = useRef<HTMLInputElement>(null)
  const [text, setText] = useState('')
  const [complaint, setComplaint] = useState('')

  useEffect(() => {
    const focus = (event: KeyboardEvent): void => {
      if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target))
        return
      if (document.querySelector('dialog[open]')) return
      event.preventDefault()
      input.current?.focus()
      input.current?.select()
    }
    addEventListener('keydown', focus)
    return () => removeEventListener('keydown', focus)
  }, [])

  const search = async (): Promise<void> => {
    const wanted = text.trim()
    if (wanted === '') return
    setComplaint('')
    try {
      const url = await find(wanted)
      if (url === null) {
        setComplaint(`No decision, user or device is known as “${wanted}”. A decision id has 8 characters.`)
        return
      }
      setText('')
      navigate(url)
      // The page may be the one that is shown already, and the next "/" is no text then.
      document.getElementById('main')?.focus({ preventScroll: true })
    } catch (error) {
      setComplaint(asProblem(error).message)
    }
  }

  return (
    <form
      class="search"
      role="search"
      aria-label="Find"
      onSubmit={(event) => {
        event.preventDefault()
        void search()
      }}
    >
      <input
        ref={input}
        type="search"
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value)
          setComplaint('')
        }}
        placeholder="Paste a decision id, user or device"
        aria-label="Decision id, user or device"
        aria-describedby="search-complaint"
        aria-keyshortcuts="/"
        autocomplete="off"
        spellcheck={false}
      />
      <p id="search-complaint" role="alert">
        {complaint}
      </p>
    </form>
  )
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.matches('input, textarea, select') || target.isContentEditable)
