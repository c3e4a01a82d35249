import type { Authorship, Store } from '../devices/store'
import { FEED_NOTE, feedDefinition, feedDefinitions, type FeedDefinition } from './definition'
import { HOLD_NOTE, type HoldOrder } from './hold'

/** A feed cannot be changed so. */
export class FeedRefusal extends Error {
  override readonly name = 'FeedRefusal'
  readonly code = 'ERR_FEED_REFUSAL'
}

/** No site has nearly so many; each of them costs a look a second. */
const MAX_FEEDS = 100

/** Where feeds are added, removed and held: each an order with its entry in the history. */
export class FeedDesk {
  constructor(private readonly store: Store) {}

  async add(definition: FeedDefinition, by: Authorship): Promise<void> {
    const { name, kind, of } = definition
    const known = feedDefinitions(this.store)
    if (known.some((other) => other.name === name))
      throw new FeedRefusal(`there is a feed ${name}: remove it first`)
    if (known.length >= MAX_FEEDS) throw new FeedRefusal(`there are ${MAX_FEEDS} feeds already`)
    const bound = known.find((other) => other.name === of)
    if (of !== null && (!bound || bound.everyS === 0))
      throw new FeedRefusal(`${of} is no feed with a sweep: see device-gate feed list`)
    await this.store.order({
      ...by,
      kind: 'feed',
      change: `feed ${name} (${kind}) added`,
      effects: [{ kind: 'note', name: FEED_NOTE + name, value: definition }],
    })
  }

  /** Its devices stay as they are; nobody says anything new about them. */
  async remove(name: string, by: Authorship): Promise<void> {
    this.#known(name)
    const bound = feedDefinitions(this.store).find(({ of }) => of === name)
    if (bound) throw new FeedRefusal(`feed ${bound.name} brings events for ${name}: remove it first`)
    await this.store.order({
      ...by,
      kind: 'feed',
      change: `feed ${name} removed`,
      effects: [
        { kind: 'note', name: FEED_NOTE + name, value: null },
        { kind: 'note', name: HOLD_NOTE + name, value: null },
      ],
    })
  }

  async hold(source: string, by: Authorship): Promise<void> {
    await this.#give(source, 'hold', by, `feed ${source} held: what turns devices is set aside`)
  }

  /** What was set aside is written by the host that has it. */
  async release(source: string, by: Authorship, count: number): Promise<void> {
    await this.#give(source, 'release', by, `feed ${source} released: ${count} devices`)
  }

  /** What was set aside is thrown away: its devices stay as they are until the source says something new. */
  async drop(source: string, by: Authorship, count: number): Promise<void> {
    await this.#give(source, 'drop', by, `feed ${source} released, ${count} records dropped`)
  }

  async #give(source: string, word: HoldOrder['word'], by: Authorship, change: string): Promise<void> {
    this.#known(source)
    const value: HoldOrder = { ...by, word }
    await this.store.order({
      ...by,
      kind: 'feed',
      change,
      effects: [{ kind: 'note', name: HOLD_NOTE + source, value }],
    })
  }

  #known(name: string): void {
    if (!feedDefinition(this.store, name))
      throw new FeedRefusal(`there is no feed ${name}: see device-gate feed list`)
  }
}
