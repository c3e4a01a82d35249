import fs from 'node:fs'
import path from 'node:path'

/** This package's version. */
export const VERSION = (
  JSON.parse(fs.readFileSync(path.join(__dirname, '..', '..', 'package.json'), 'utf8')) as { version: string }
).version
