import { FAULTS, SHORT } from './faults'
import { Random } from './random'
import { freshSeed, runFaults } from './suite'

/** The short form of `npm run test:faults`. A failure prints the seed: `FAULT_SEED=n` repeats it. */
describe('a fleet under load, when things fail', function () {
  this.timeout(300_000)
  it('loses no acknowledged write, lets nothing through that is blocked, and does not crash', async () => {
    const seed = Number(process.env['FAULT_SEED'] ?? freshSeed())
    const faults = FAULTS.filter(({ name }) => SHORT.includes(name))
    await runFaults(new Random(seed).shuffled(faults), seed, (line) =>
      process.stdout.write(`      ${line}\n`),
    )
  })
})
