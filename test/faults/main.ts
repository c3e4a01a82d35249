/** The long form: `npm run test:faults [-- SEED [RUNS]]`. */
import { FAULTS } from './faults'
import { faultsOf, freshSeed, runFaults } from './suite'

const [seedText, runsText] = process.argv.slice(2)
const seed = seedText === undefined ? freshSeed() : Number(seedText)
const runs = runsText === undefined ? FAULTS.length : Number(runsText)
const say = (line: string): unknown => process.stdout.write(`${line}\n`)

say(`seed ${seed}, ${runs} runs`)
runFaults(faultsOf(seed, runs), seed, say).catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n${String((error as Error).cause)}\n`)
  process.exitCode = 1
})
