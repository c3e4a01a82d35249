/** Fills the environment of `argv[2]` until it is refused, says what can be read, makes room, and goes on. */
import { execFileSync } from 'node:child_process'

import { openEnvironment } from '../../src/lmdb/environment'

const BATCH = 500
const MAX_BATCHES = 100

async function main(): Promise<void> {
  const environment = openEnvironment(process.argv[2] ?? '', { schema: 1 })
  const database = environment.database('a')
  const write = (batch: number): Promise<void> =>
    environment.write(() => {
      for (let i = 0; i < BATCH; i += 1) void database.put(`${batch}-${i}`, 'x'.repeat(500))
    })
  let written = 0
  let refused: unknown
  for (let batch = 0; refused === undefined && batch < MAX_BATCHES; batch += 1) {
    await write(batch).then(
      () => (written += BATCH),
      (error: unknown) => (refused = error),
    )
  }
  const { name, message } = refused as Error
  print({ written, name, message, read: database.getCount() })
  execFileSync('prlimit', ['--fsize=unlimited:', '--pid', String(process.pid)])
  await write(MAX_BATCHES)
  print({ read: database.getCount() })
  await environment.close()
}

const print = (outcome: object): unknown => process.stdout.write(`${JSON.stringify(outcome)}\n`)

void main()
