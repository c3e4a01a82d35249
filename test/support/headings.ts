import fs from 'node:fs'

/** The headings of a Markdown file, in their order. */
export const headings = (file: string): string[] =>
  Array.from(fs.readFileSync(file, 'utf8').matchAll(/^#+ (.+)$/gm), ([, heading = '']) => heading)
