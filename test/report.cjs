'use strict'

/**
 * The spec reporter for people, plus mocha's own counts as JSON in the file that MOCHA_REPORT names,
 * so that CI counts from the real result.
 */
const fs = require('node:fs')
const { reporters, Runner } = require('mocha')

module.exports = class Report extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options)
    const file = process.env.MOCHA_REPORT
    if (file)
      runner.once(Runner.constants.EVENT_RUN_END, () =>
        fs.writeFileSync(file, JSON.stringify({ stats: runner.stats })),
      )
  }
}
