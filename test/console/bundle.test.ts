import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'

const DIST = path.resolve(__dirname, '..', '..', 'dist', 'browser', 'console')
const MAX_FIRST_PAGE_BYTES = 100_000

const files = (): string[] =>
  fs
    .readdirSync(DIST, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(DIST, path.join(entry.parentPath, entry.name)))
const originals = (): string[] => files().filter((file) => !/\.(br|gz)$/.test(file))
const read = (file: string): string => fs.readFileSync(path.join(DIST, file), 'utf8')

describe("the console's bundle (npm run build)", () => {
  it('is less than 100 kB in all, however it is compressed', () => {
    for (const form of ['br', 'gz']) {
      const sizes = originals().map((file) => fs.statSync(path.join(DIST, `${file}.${form}`)).size)
      const sum = sizes.reduce((all, size) => all + size, 0)
      assert.ok(sum > 10_000, 'this is not all of it')
      assert.ok(sum < MAX_FIRST_PAGE_BYTES, `${sum} bytes as .${form}`)
    }
  })

  it('is one page and files whose names change with their content', () => {
    for (const file of originals())
      if (file !== 'index.html') assert.match(file, /^assets\/[\w.]+-[A-Z0-9]{8}\.(js|css|svg)$/)
  })

  it('is named by the page altogether, except for what scripts load themselves', () => {
    const loaded = [...read('index.html').matchAll(/(?:src|href)="\/([^"]+)"/g)].map(([, file]) => file ?? '')
    assert.equal(loaded.length, 3)
    for (const file of loaded) assert.ok(files().includes(file), file)
  })

  it('has nothing that a strict content security policy forbids, and asks no other site', () => {
    const page = read('index.html')
    assert.doesNotMatch(page, /<style|<script(?! type="module" src)|\son\w+=|style=/)
    const script = originals()
      .filter((file) => file.endsWith('.js'))
      .map(read)
      .join('\n')
    assert.doesNotMatch(script, /\beval\(|new Function\(/)
    const sites = [...(page + script).matchAll(/https?:\/\/[\w.-]+/g)].map(([url]) => url)
    assert.deepEqual(
      sites.filter((url) => url !== 'http://www.w3.org'),
      [],
    )
    assert.doesNotMatch(
      originals()
        .filter((file) => file.endsWith('.css'))
        .map(read)
        .join(),
      /url\(|@import/,
    )
  })
})
