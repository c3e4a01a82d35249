import { styleText } from 'node:util'

const STYLES = ['bold', 'dim', 'red', 'green', 'yellow'] as const
export type Style = (typeof STYLES)[number]

/** Where a style begins and where it ends: of Unicode's private use, so that a text can be measured and cut as it is. */
const FIRST_MARK = 0xe000
const END = '\ue00f'
/** Before each row of a table, and before each of its cells but the first. */
export const ROW = '\ue00d'
export const COLUMN = '\ue00e'
const MARKS = /[\ue000-\ue00f]/g
const PAINTED = /([\ue000-\ue004])([^\ue000-\ue00f]*)\ue00f/g

/** A text that is to be shown in a style, where there is colour. */
export const paint = (style: Style, text: string): string =>
  text === '' ? '' : `${String.fromCharCode(FIRST_MARK + STYLES.indexOf(style))}${text}${END}`

/** A text that is in a style from its beginning to its end, and what style. */
export function painted(text: string): { readonly style: Style | undefined; readonly text: string } {
  const style = text.endsWith(END) ? STYLES[text.charCodeAt(0) - FIRST_MARK] : undefined
  return { style, text: text.replace(MARKS, '') }
}

/** What others wrote must not be taken for a style. */
export const withoutMarks = (text: string): string => text.replace(MARKS, '\ufffd')

/** How many columns it takes. */
export const widthOf = (text: string): number => text.replace(MARKS, '').length

/** The text as a terminal shows it. */
export const rendered = (text: string, colour: boolean): string =>
  (colour
    ? text.replace(PAINTED, (_, mark: string, painted: string) =>
        styleText(STYLES[mark.charCodeAt(0) - FIRST_MARK] ?? 'dim', painted, { validateStream: false }),
      )
    : text
  ).replace(MARKS, '')

/**
 * Whether to show colours: https://no-color.org and Node's own FORCE_COLOR, which counts before it; else where there is
 * a terminal that has them.
 */
export function hasColour(env: Readonly<NodeJS.ProcessEnv>, isTerminal: boolean): boolean {
  const { FORCE_COLOR: force, NO_COLOR: none, TERM: term } = env
  if (force !== undefined && force !== '') return force !== '0' && force !== 'false'
  return isTerminal && !none && term !== 'dumb'
}
