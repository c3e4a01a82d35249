import type { Random } from './random'
import type { FaultSite } from './site'

export interface Happening {
  readonly site: FaultSite
  readonly random: Random
}

/** Something that fails, and is mended: by itself, or as docs/fleet.md says. */
export interface Fault {
  readonly name: string
  /** Acknowledged changes are lost, as docs/fleet.md says; every host must name them. */
  readonly losesTail?: boolean
  /** Resolves when it is mended. */
  happen(happening: Happening): Promise<unknown>
}
