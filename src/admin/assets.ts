import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'

/** A file of the console, in memory with its compressed forms. */
export interface Asset {
  readonly type: string
  readonly etag: string
  /** Its name changes with its content. */
  readonly isHashed: boolean
  readonly plain: Buffer
  readonly br?: Buffer
  readonly gzip?: Buffer
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.txt': 'text/plain; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.woff2': 'font/woff2',
}
const HASHED = /[.-][A-Za-z0-9_]{8,}\.[a-z0-9]+$/

/**
 * The console's files by their paths, read once: a request names one of these or none, so that no path leads
 * anywhere else, and an upgrade under the running gate does not mix two consoles.
 */
export function readAssets(dir: string): ReadonlyMap<string, Asset> {
  const assets = new Map<string, Asset>()
  if (!fs.existsSync(dir)) return assets
  for (const entry of fs.readdirSync(dir, { recursive: true, withFileTypes: true })) {
    const type = TYPES[path.extname(entry.name)]
    if (!entry.isFile() || type === undefined) continue
    const file = path.join(entry.parentPath, entry.name)
    const plain = fs.readFileSync(file)
    const [br, gzip] = [`${file}.br`, `${file}.gz`].map((name) =>
      fs.existsSync(name) ? fs.readFileSync(name) : undefined,
    )
    assets.set(`/${path.relative(dir, file).split(path.sep).join('/')}`, {
      type,
      etag: `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`,
      isHashed: HASHED.test(entry.name),
      plain,
      ...(br && { br }),
      ...(gzip && { gzip }),
    })
  }
  return assets
}
