import type { JSX } from 'preact'

/** The policy as it was written. */
export const PolicyText = ({ text, open = false }: { text: string; open?: boolean }): JSX.Element => (
  <details class="source" open={open}>
    <summary>The text</summary>
    <pre tabIndex={0}>{text}</pre>
  </details>
)
