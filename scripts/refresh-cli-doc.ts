import fs from 'node:fs'
import path from 'node:path'

import { withFreshOutputs } from '../test/cli/examples'

/** Runs the examples in docs/cli.md and writes their outputs anew. */
const file = path.join(__dirname, '../docs/cli.md')
void withFreshOutputs(fs.readFileSync(file, 'utf8')).then((fresh) => fs.writeFileSync(file, fresh))
