import fs from 'node:fs'
import path from 'node:path'
import { build } from 'esbuild'

/**
 * Puts the command line into one file: to find and read its three hundred took a recall longer than its work.
 * lmdb stays outside, since it has a native part; what is inside is listed with its licence beside it.
 */
const ROOT = path.resolve(__dirname, '..')
const TARGET = path.join(ROOT, 'dist', 'cli')
/** What main.js loads; the other files that tsc made there are in the bundle. */
const KEPT = new Set(['main.js', 'scheduling.js', 'paint.js', 'program.js'])

/** The folders of the packages that the files are from. */
function packagesOf(files: readonly string[]): string[] {
  const folders = files.flatMap((file) => /^node_modules\/(@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? [])
  return [...new Set(folders)].sort()
}

function licenceOf(folder: string): string {
  const { name, version, license } = JSON.parse(
    fs.readFileSync(path.join(ROOT, folder, 'package.json'), 'utf8'),
  ) as { name: string; version: string; license: string }
  const file = fs.readdirSync(path.join(ROOT, folder)).find((entry) => /^licen[cs]e/i.test(entry))
  const text =
    file === undefined ? '' : `\n\n${fs.readFileSync(path.join(ROOT, folder, file), 'utf8').trim()}`
  return `${name} ${version} (${license})${text}\n`
}

async function main(): Promise<void> {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: ['src/cli/program.ts'],
    outfile: path.join(TARGET, 'program.js'),
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    external: ['lmdb'],
    // publint goes by patterns, and takes a help text about `device import` for a module's syntax.
    banner: { js: '"use strict";module.exports={}' },
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
  })
  for (const file of fs.readdirSync(TARGET)) if (!KEPT.has(file)) fs.rmSync(path.join(TARGET, file))
  const licences = packagesOf(Object.keys(metafile.inputs)).map(licenceOf)
  fs.writeFileSync(path.join(TARGET, 'program.licences.txt'), licences.join(`\n${'-'.repeat(80)}\n\n`))
}

void main()
