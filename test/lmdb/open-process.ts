/**
 * Opens the environment of `argv[2]`, reads and writes it, and prints what came of it as JSON.
 * With `argv[3]` it first becomes that user.
 */
import { openEnvironment } from '../../src/lmdb/environment'

async function main(): Promise<void> {
  const [dir = '', user] = process.argv.slice(2)
  if (user !== undefined) {
    process.setgid?.(Number(user))
    process.setuid?.(Number(user))
  }
  try {
    const environment = openEnvironment(dir, { schema: 1 })
    const database = environment.database('a')
    await environment.write(() => void database.put('key', 'value'))
    const value = database.get('key')
    await environment.close()
    print({ value })
  } catch (error) {
    print({ name: (error as Error).name, message: (error as Error).message })
  }
}

const print = (outcome: object): unknown => process.stdout.write(`${JSON.stringify(outcome)}\n`)

void main()
