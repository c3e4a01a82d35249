import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'

import { withFreshOutputs, withoutWhatVaries } from './examples'

describe('docs/cli.md', () => {
  const document = fs.readFileSync(path.resolve(__dirname, '../../docs/cli.md'), 'utf8')

  it('shows what each example really prints (npm run docs:cli writes it anew)', async () => {
    assert.equal(withoutWhatVaries(document), withoutWhatVaries(await withFreshOutputs(document)))
  })
})
