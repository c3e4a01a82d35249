import assert from 'node:assert/strict'
import fs from 'node:fs'

import { blockEntry } from '../support/block-entry'
import { adminSite } from './admin-site'

const EXPORT = '/api/v1/blocks/export?format='

describe('the admin server of a site that exports no names', () => {
  const site = adminSite({ hostConfig: 'journal: { pseudonymise: true }' })
  before(async () => {
    site().journal.append(blockEntry({ user: 'anna@example.com', device: 'anna-phone' }))
    await site().journal.drain()
  })

  for (const format of ['csv', 'ndjson'])
    it(`exports ${format} with keyed hashes`, async () => {
      const { status, text } = await site().call('GET', EXPORT + format, { token: site().token('viewer') })
      assert.equal(status, 200)
      assert.match(text, /\bu-[0-9a-f]{32}\b/)
      assert.match(text, /\bd-[0-9a-f]{32}\b/)
      assert.doesNotMatch(text, /example\.com|anna-phone|192\.0\.2\.1/)
    })

  it('shows names to who looks into it', async () => {
    const { text } = await site().call('GET', '/api/v1/blocks', { token: site().token('viewer') })
    assert.match(text, /anna@example\.com/)
  })

  for (const format of ['csv', 'ndjson'])
    it(`exports no ${format} at all where the key is damaged`, async () => {
      fs.writeFileSync(site().file('var', 'journal_pseudonym.key'), 'no key', { mode: 0o600 })
      const { status, text, json } = await site().call('GET', EXPORT + format, {
        token: site().token('viewer'),
      })
      assert.equal(status, 500)
      assert.equal(json['title'], 'Internal Server Error')
      assert.doesNotMatch(text, /anna|no key/)
    })
})
