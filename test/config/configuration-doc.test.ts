import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'

import { renderConfigurationDoc } from '../../scripts/write-configuration-doc'

describe('docs/configuration.md', () => {
  it('is what `npm run docs:configuration` writes from the schemas', () => {
    const file = path.resolve(__dirname, '../../docs/configuration.md')
    assert.equal(fs.readFileSync(file, 'utf8'), renderConfigurationDoc())
  })
})
