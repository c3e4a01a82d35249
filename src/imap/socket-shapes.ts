import net from 'node:net'

const SHAPES = ['a', 'b', 'c', 'd', 'e', 'f']
/** V8 takes no note of what a function sees in its first few calls. */
const ROUNDS = 20

/**
 * The constructor of a socket copies its options and adds to the copy. Node 20's V8 gives each such copy a hidden
 * class of its own while the constructor has seen but a few forms of options, and all code that reads the options
 * misses its caches: 7 µs for a socket. From the fifth form on it copies them in the common way: 0.6 µs.
 */
export function showSocketsManyShapes(): void {
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const shape of SHAPES) new net.Socket({ [shape]: true })
  }
}
