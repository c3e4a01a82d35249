import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import zlib from 'node:zlib'
import { build } from 'esbuild'

const SOURCE = path.resolve(__dirname, '..', 'console')
const TARGET = path.resolve(__dirname, '..', 'dist', 'browser', 'console')

/** The scripts and styles, with names that change with their content. */
async function bundled(): Promise<Map<string, Buffer>> {
  const { outputFiles } = await build({
    absWorkingDir: SOURCE,
    entryPoints: { main: 'src/main.tsx', console: 'style/console.css' },
    outdir: TARGET,
    bundle: true,
    splitting: true,
    format: 'esm',
    target: 'es2022',
    minify: true,
    entryNames: 'assets/[name]-[hash]',
    chunkNames: 'assets/[name]-[hash]',
    write: false,
    legalComments: 'none',
    logLevel: 'warning',
  })
  return new Map(
    outputFiles.map((file) => [path.relative(TARGET, file.path), Buffer.from(file.contents)] as const),
  )
}

function withPage(files: Map<string, Buffer>): Map<string, Buffer> {
  const icon = fs.readFileSync(path.join(SOURCE, 'icon.svg'))
  const hash = createHash('sha256').update(icon).digest('hex').slice(0, 8).toUpperCase()
  files.set(`assets/icon-${hash}.svg`, icon)
  const built = (name: string): string => {
    const [stem = '', extension = ''] = name.split('.')
    const found = [...files.keys()].find((file) =>
      new RegExp(`^assets/${stem}-[^-]+\\.${extension}$`).test(file),
    )
    if (found === undefined) throw new Error(`console/index.html names ${name}, which was not built`)
    return `/${found}`
  }
  const page = fs
    .readFileSync(path.join(SOURCE, 'index.html'), 'utf8')
    .replace(
      /(src|href)="([^"]+)"/g,
      (_all, attribute: string, name: string) => `${attribute}="${built(name)}"`,
    )
  return files.set('index.html', Buffer.from(page))
}

/** Beside each file its compressed forms, so that the server compresses nothing. */
const withCompressed = (files: Map<string, Buffer>): Map<string, Buffer> =>
  new Map(
    [...files].flatMap(([name, content]): [string, Buffer][] => [
      [name, content],
      [`${name}.br`, zlib.brotliCompressSync(content)],
      [`${name}.gz`, zlib.gzipSync(content, { level: 9 })],
    ]),
  )

/** New files first, then the page that names them, then what nobody names any more goes. */
function write(files: Map<string, Buffer>): void {
  fs.mkdirSync(path.join(TARGET, 'assets'), { recursive: true })
  for (const [name, content] of files) fs.writeFileSync(path.join(TARGET, name), content)
  // The package is CommonJS; what browsers load is not. Beside the console, since all of that is served.
  fs.writeFileSync(path.join(TARGET, '..', 'package.json'), '{ "type": "module" }\n')
  for (const name of fs.readdirSync(path.join(TARGET, 'assets')))
    if (!files.has(`assets/${name}`)) fs.rmSync(path.join(TARGET, 'assets', name))
}

void bundled().then((files) => write(withCompressed(withPage(files))))
