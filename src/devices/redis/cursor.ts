/** How far a replica has followed the store: after entry `n` of `epoch`, whose history `tip` names. */
export interface Cursor {
  readonly epoch: string
  readonly n: number
  readonly tip: string
}
