import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'

import { renderMetricsDoc } from '../../scripts/write-metrics-doc'

describe('docs/metrics.md', () => {
  it('is what `npm run docs:metrics` writes from the catalogue', () => {
    const file = path.resolve(__dirname, '../../docs/metrics.md')
    assert.equal(fs.readFileSync(file, 'utf8'), renderMetricsDoc())
  })
})
