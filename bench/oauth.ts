import { createTokenReader } from '../src/identity/oauth-token'
import { TokenIssuer } from '../test/support/token-issuer'
import { median, printFigure } from './figure'

/** What an OAuth token costs a login: the gate's own check beside that of `jose`, in rounds of both. */
const ROUNDS = 15
const TOKENS = 1000
const USER = 'anna@example.com'

/** As long as those of a large issuer: groups, names, addresses. */
const MORE = { groups: Array.from({ length: 20 }, (_, i) => `3f2504e0-4f89-41d3-9a0c-0305e82c33${10 + i}`) }

async function timeOf(check: () => unknown): Promise<number> {
  const before = process.cpuUsage()
  for (let i = 0; i < TOKENS; i += 1) await check()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / TOKENS
}

async function main(): Promise<void> {
  const { createLocalJWKSet, jwtVerify } = await import('jose')
  const issuer = new TokenIssuer()
  const reader = createTokenReader(issuer.rules(), issuer.keys())
  const set = createLocalJWKSet({ keys: issuer.jwks() })
  for (const alg of ['RS256', 'ES256'] as const) {
    const token = issuer.sign({ ...issuer.claims(USER, 'd-1'), ...MORE }, { alg })
    const octets = Buffer.from(token)
    const here = (): void => {
      if (reader.read(USER, octets, Date.now()).status !== 'valid') throw new Error('not valid')
    }
    const { issuer: iss, audience } = issuer
    const jose = (): unknown =>
      jwtVerify(token, set, { issuer: iss, audience, algorithms: ['RS256', 'ES256'] })
    const times: Record<'here' | 'jose', number[]> = { here: [], jose: [] }
    for (let round = 0; round < ROUNDS; round += 1) {
      times.here.push(await timeOf(here))
      times.jose.push(await timeOf(jose))
    }
    const about = { bench: 'oauth', unit: 'µs', context: { octets: octets.length, rounds: ROUNDS } }
    const cost = { ...about, figure: `processor time of one token, ${alg}`, value: median(times.here) }
    printFigure({ ...cost, target: { atMost: 200 } })
    printFigure({ ...about, figure: `the same by jose, ${alg}`, value: median(times.jose) })
  }
}

void main()
