/**
 * JSON leaves DEL, the C1 controls, the Unicode line ends and the marks that reorder text as they are;
 * terminals and viewers act on them. In JSON they only ever stand inside a string, so an escape is the same text.
 */
export const escapeLine = (json: string): string =>
  json.replace(
    /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
