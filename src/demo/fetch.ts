import type { DemoMessage } from './mailbox'

const quote = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&')}"`
const literal = (text: string): string => `{${Buffer.byteLength(text)}}\r\n${text}`

const headerField = (message: DemoMessage, name: string): string =>
  new RegExp(`^${name}: (.*)\r$`, 'im').exec(message.header)?.[1] ?? ''

function address(field: string): string {
  const match = /^(?:(.*) )?<([^@]*)@(.*)>$/.exec(field)
  if (!match) return 'NIL'
  const [, name, mailbox = '', host = ''] = match
  return `((${name ? quote(name) : 'NIL'} NIL ${quote(mailbox)} ${quote(host)}))`
}

function envelope(message: DemoMessage): string {
  const from = address(headerField(message, 'From'))
  const fields = [
    quote(headerField(message, 'Date')),
    quote(headerField(message, 'Subject')),
    from,
    from,
    from,
  ]
  return `(${[...fields, address(headerField(message, 'To')), 'NIL', 'NIL', 'NIL'].join(' ')} ${quote(headerField(message, 'Message-ID'))})`
}

function headerFields(message: DemoMessage, names: string): string {
  const wanted = new Set(names.trim().toLowerCase().split(/\s+/))
  const lines = message.header
    .split('\r\n')
    .filter((line) => wanted.has(line.split(':')[0]?.toLowerCase() ?? ''))
  return [...lines, '', ''].join('\r\n')
}

function section(message: DemoMessage, name: string): string {
  const upper = name.toUpperCase()
  if (upper === 'HEADER') return message.header
  if (upper === 'TEXT' || upper === '1') return message.text
  const fields = /^HEADER\.FIELDS \((.*)\)$/.exec(upper)
  if (fields) return headerFields(message, fields[1] ?? '')
  return message.header + message.text
}

const MACROS: Readonly<Record<string, string>> = {
  ALL: 'FLAGS INTERNALDATE RFC822.SIZE ENVELOPE',
  FAST: 'FLAGS INTERNALDATE RFC822.SIZE',
  FULL: 'FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY',
}

const ITEM = /BODY(?:\.PEEK)?\[([^\]]*)\](?:<(\d+)(?:\.(\d+))?>)?|[A-Z0-9.]+/gi

function item(
  message: DemoMessage,
  text: string,
  part: string | undefined,
  from: string | undefined,
  count: string | undefined,
): string | undefined {
  if (part !== undefined) {
    const whole = Buffer.from(section(message, part))
    const start = Number(from ?? 0)
    const body =
      from === undefined
        ? whole
        : whole.subarray(start, count === undefined ? undefined : start + Number(count))
    if (!/PEEK/i.test(text)) message.seen = true
    return `BODY[${part}]${from === undefined ? '' : `<${start}>`} ${literal(body.toString())}`
  }
  const size = Buffer.byteLength(message.header + message.text)
  const lines = message.text.split('\r\n').length - 1
  switch (text.toUpperCase()) {
    case 'UID':
      return `UID ${message.uid}`
    case 'FLAGS':
      return `FLAGS (${message.seen ? '\\Seen' : ''})`
    case 'INTERNALDATE':
      return `INTERNALDATE "${message.internalDate}"`
    case 'RFC822.SIZE':
      return `RFC822.SIZE ${size}`
    case 'ENVELOPE':
      return `ENVELOPE ${envelope(message)}`
    case 'BODY':
    case 'BODYSTRUCTURE':
      return `${text.toUpperCase()} ("TEXT" "PLAIN" ("CHARSET" "utf-8") NIL NIL "8BIT" ${Buffer.byteLength(message.text)} ${lines})`
    case 'RFC822':
      return `RFC822 ${literal(message.header + message.text)}`
    case 'RFC822.HEADER':
      return `RFC822.HEADER ${literal(message.header)}`
    default:
      return undefined
  }
}

/** One FETCH response line (RFC 3501 7.4.2) for the items asked for; items it does not know are left out. */
export function fetchResponse(number: number, message: DemoMessage, items: string, byUid: boolean): string {
  const expanded = MACROS[items.toUpperCase()] ?? items
  const parts: string[] = []
  for (const match of expanded.matchAll(ITEM)) {
    const answer = item(message, match[0], match[1], match[2], match[3])
    if (answer !== undefined) parts.push(answer)
  }
  if (byUid && !parts.some((part) => part.startsWith('UID '))) parts.unshift(`UID ${message.uid}`)
  return `* ${number} FETCH (${parts.join(' ')})\r\n`
}
