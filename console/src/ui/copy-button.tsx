import type { JSX } from 'preact'
import { useState } from 'preact/hooks'

/** Browsers give the clipboard to secure origins alone; elsewhere there is no button. */
export function CopyButton({ text }: { text: string }): JSX.Element | null {
  const [copied, setCopied] = useState(false)
  if (!isSecureContext) return null
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text)
    setCopied(true)
  }
  return (
    <button type="button" class="quiet" onClick={() => void copy().catch(() => setCopied(false))}>
      {copied ? 'Copied' : 'Copy'}
    </button>
  )
}
