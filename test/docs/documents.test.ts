import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'

import { headings } from '../support/headings'

const ROOT = path.resolve(__dirname, '../..')
const IN_ROOT = fs.readdirSync(ROOT).filter((name) => name.endsWith('.md'))
const IN_DOCS = ['docs', 'docs/adr', 'ops'].flatMap((folder) =>
  fs
    .readdirSync(path.join(ROOT, folder))
    .flatMap((name) => (name.endsWith('.md') ? `${folder}/${name}` : [])),
)

/** As web pages of repositories name the place of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_ -]/gu, '')
    .replaceAll(' ', '-')

/** Links to places in this repository, without what stands in code. */
function linksIn(file: string): string[] {
  const text = fs
    .readFileSync(path.join(ROOT, file), 'utf8')
    .replace(/^```[^]*?^```|`[^`\n]*`|^ {4}.*$/gm, '')
  return Array.from(text.matchAll(/\]\(([^)\s]+)\)/g), ([, target = '']) => target).filter(
    (target) => !/^[a-z]+:/.test(target),
  )
}

function isBroken(file: string, target: string): boolean {
  const [name = '', anchor] = target.split('#')
  const found = name === '' ? path.join(ROOT, file) : path.resolve(ROOT, path.dirname(file), name)
  if (!fs.existsSync(found)) return true
  return anchor !== undefined && !headings(found).map(anchorOf).includes(anchor)
}

describe('the documents', () => {
  for (const file of [...IN_ROOT, ...IN_DOCS])
    it(`${file} links to what is there`, () => {
      assert.deepEqual(
        linksIn(file).filter((target) => isBroken(file, target)),
        [],
      )
    })

  it('docs/adr has the decisions by number, each number once', () => {
    const files = fs.readdirSync(path.join(ROOT, 'docs/adr'))
    const titles = files.map((file) => headings(path.join(ROOT, 'docs/adr', file))[0]?.split('.')[0])
    assert.deepEqual(
      files.map((file) => Number(file.slice(0, 4))),
      files.map((_, index) => index + 1),
    )
    assert.deepEqual(
      titles.map(Number),
      files.map((_, index) => index + 1),
    )
  })
})
