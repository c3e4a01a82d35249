import { createHash } from 'node:crypto'

import type { Attestation } from '../policy/attestation'
import type { Mandate } from '../policy/policy'
import { durationWords, findingWords, momentWords } from '../policy/words'

/** Plain pages for a person at a phone: no script, nothing that is loaded, no word of what the gate knows. */

const STYLE =
  'body{margin:0 auto;max-width:34rem;padding:1.5rem 1.25rem 3rem;font:1.0625rem/1.5 system-ui,sans-serif;' +
  'color:#1b1f24;background:#fff}h1{font-size:1.4rem;line-height:1.25}dl{margin:1rem 0;padding:.75rem 1rem;' +
  'border:1px solid #b6bdc6;border-radius:.5rem}dt{color:#4a525c;font-size:.9rem}dd{margin:0 0 .5rem;' +
  'overflow-wrap:anywhere}button{width:100%;padding:.9rem;border:0;border-radius:.5rem;font:inherit;' +
  'font-weight:600;color:#fff;background:#0b5cad}button:focus-visible{outline:3px solid #f2a900;outline-offset:2px}' +
  '@media(prefers-color-scheme:dark){body{color:#e6e9ed;background:#14171a}dt{color:#aab2bc}' +
  'dl{border-color:#4a525c}button{background:#2f7fd6;color:#000}}'

/** In place of the one for the console: the page sends a form to itself, and that is all it can do. */
export const PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ')

export interface Page {
  readonly status: number
  readonly html: string
}

/** What is stated, and the button that states it. */
export function askingPage(
  { user, deviceId, linkExpiresAt }: Attestation,
  mandate: Mandate,
  { validMs, contact }: { readonly validMs: number; readonly contact: string },
): Page {
  const what = findingWords(mandate.finding)
  return page(
    200,
    'Your statement about your phone',
    `<p>${escaped(mandate.message)}</p>
<p>Nobody can see on this phone if that is done, so you are asked.</p>
<dl>
<dt>You</dt><dd>${escaped(user)}</dd>
<dt>The device</dt><dd>${escaped(deviceId)}</dd>
<dt>You state</dt><dd>I have looked, and ${escaped(what)} is not on this device.</dd>
</dl>
<p>What follows: company email works on this device for ${durationWords(validMs)}, as far as this is what keeps it
from working. Then you are asked again. If it is found there meanwhile, email stops all the same.</p>
<p>Your statement is kept with your name, the device, the time and the network address that it comes from.
Please make it only if it is true.</p>
<form method="post"><button name="stated" value="yes">I state this</button></form>
<p>The link works once, until ${momentWords(minute(linkExpiresAt), 0)}. ${escaped(contact)}</p>`,
  )
}

/** The statement is on record. */
export const statedPage = (expiresAt: number): Page =>
  page(
    200,
    'Thank you',
    `<p>Your statement is on record and counts until ${momentWords(minute(expiresAt), 0)}. You can close this page; email
works again when it is fetched next.</p>`,
  )

/** Why a link shows no form. Each says the same to whoever comes with it, and nothing of whom it is about. */
export const NO_FORM = {
  invalid: page(
    404,
    'This link is not valid',
    '<p>Open it just as it was sent to you, or ask for a new one.</p>',
  ),
  expired: page(410, 'This link has expired', '<p>Ask for a new one.</p>'),
  used: page(
    410,
    'This link was used already',
    '<p>It works once. Ask for a new one if you need to state it again.</p>',
  ),
  over: page(
    410,
    'Nothing needs to be stated',
    '<p>The order that this link is about is no longer in force.</p>',
  ),
  unavailable: page(
    503,
    'Please try again later',
    '<p>Your statement cannot be taken right now. Nothing was recorded.</p>',
  ),
  busy: page(429, 'Please try again in a minute', '<p>Too many requests come from your network.</p>'),
} as const

function page(status: number, title: string, body: string): Page {
  return {
    status,
    html: `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`,
  }
}

const minute = (ms: number): number => ms - (ms % 60_000)

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
const escaped = (text: string): string => text.replace(/[&<>"']/g, (char) => ENTITIES[char] ?? '')
