/** Reads and writes `key-1000` of the environment of `argv[2]`, then other keys, and prints what came of each. */
import { openEnvironment } from '../../src/lmdb/environment'

async function main(): Promise<void> {
  const environment = openEnvironment(process.argv[2] ?? '', { schema: 1 })
  const database = environment.database('a')
  const attempt = async (work: () => unknown): Promise<string> => {
    try {
      return String(await work())
    } catch (error) {
      return (error as Error).name
    } finally {
      environment.refresh()
    }
  }
  const put = (key: string): Promise<void> => environment.write(() => void database.put(key, 'new'))
  const outcomes = {
    read: await attempt(() => database.get('key-1000')),
    write: await attempt(() => put('key-1000')),
    otherRead: await attempt(() => database.get('key-5')?.length),
    otherWrite: await attempt(async () => put('key-5').then(() => database.get('key-5'))),
  }
  await environment.close()
  process.stdout.write(`${JSON.stringify(outcomes)}\n`)
}

void main()
