import assert from 'node:assert/strict'

import { userProblem } from '../src/haraka-user'

const ROOT = 0
const SMTP = 1001

describe('who Haraka runs as', () => {
  const table: readonly (readonly [
    what: string,
    nodes: number,
    user: string | undefined,
    uid: number,
    fine: boolean,
  ])[] = [
    ['one user for all, as a service manager starts it', 2, undefined, SMTP, true],
    ['a user that it is already', 2, 'smtp', SMTP, true],
    ['root for all', 2, undefined, ROOT, true],
    ['root, said once more', 2, 'root', ROOT, true],
    ['root for the master, another for the workers', 2, 'smtp', ROOT, false],
    ['one process that gives root up before the gate starts', 0, 'smtp', ROOT, true],
  ]
  for (const [what, nodes, user, uid, fine] of table) {
    it(`${what}: ${fine ? 'fine' : 'refused'}`, () => {
      const main = user === undefined ? {} : { user }
      const problem = userProblem({ ...(nodes > 0 && { cluster: {} }), cfg: { main } }, uid)
      if (fine) assert.equal(problem, undefined)
      else assert.match(problem ?? '', /^smtp\.ini: user=smtp: .* Start Haraka as smtp instead/)
    })
  }
})
