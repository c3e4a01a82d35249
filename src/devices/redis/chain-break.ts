/** The store's log does not go on where the replica is: only a new snapshot makes them one again. */
export class ChainBreak extends Error {
  override readonly name = 'ChainBreak'
}
