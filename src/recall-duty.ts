import type { FleetStore } from './devices/redis/fleet-store'
import type { ReadStore } from './devices/store'
import { unlessDamaged } from './devices/unless-damaged'
import type { ControlParts } from './host-parts'
import type { NotedVisit } from './journal/traffic'
import { visitorKey } from './lookup/affected'
import { openBlocks, type Block, type BlocksSource } from './lookup/blocks-source'
import { meaningOf, servedAgain, visitorOf, type RecallMoment } from './lookup/served-since'
import { startOfOrder } from './lookup/recall-proof'
import { newestRecall } from './orders/recall'
import { lookEvery, type RepeatedLook } from './repeated-look'

const LOOK_MS = 500
/** The traffic record is gone through in this share of the time at most. */
const SHARE = 0.05
const SLICE = 2000
/** After a recall it is told for so long who syncs again. */
const TOLD_FOR_MS = 86_400_000
/** Lines of refusals that were given before come so much later at most, and clocks differ so much. */
const SLACK_MS = 120_000
/** A fleet's block log that does not answer. */
const ASK_AGAIN_MS = 10_000
const MAX_BLOCKS = 100_000
const BATCH = 1000
/** Below what the journal takes in at once. */
const LINES_AT_ONCE = 5000

type RecallParts = Pick<ControlParts, 'store' | 'fleet' | 'journal' | 'onFault'>

/** Writes a line into the block log for everybody whom a recalled order had hit, when they are first served again. */
export function startRecallDuty(parts: RecallParts): RepeatedLook {
  const { store, fleet, onFault } = parts
  let recall: RecallMoment | undefined
  let seen = -1
  let watch: RecallWatch | undefined
  const look = async (): Promise<void> => {
    const sequence = store.sequence()
    if (sequence !== seen) recall = recallInForce(store, fleet?.store)
    seen = sequence
    if (!recall || Date.now() - recall.at > TOLD_FOR_MS) watch = undefined
    else if (!watch?.isFor(recall)) watch = await RecallWatch.begin(parts, recall)
    await watch?.look()
  }
  return lookEvery(LOOK_MS, look, onFault)
}

function recallInForce(store: ReadStore, fleetStore: FleetStore | undefined): RecallMoment | undefined {
  const here = fleetStore?.recalledHere()
  if (here) return { from: here.from, to: here.target.version, at: here.at }
  return unlessDamaged(() => newestRecall(store))
}

/** One recall, and who is still awaited of those whom the order had hit. */
class RecallWatch {
  /** The newest refusal or warning of each. */
  readonly #awaited = new Map<string, Block>()
  readonly #served = new Set<string>()
  #scannedAt: number
  #scanDue = 0
  readonly #begunAt = Date.now()

  private constructor(
    private readonly parts: RecallParts,
    private readonly recall: RecallMoment,
    private readonly blockLog: BlocksSource,
    private cursor: string,
    /** The fleet's block log does not answer: these are the lines of this host alone. */
    private readonly ownOnly: boolean,
  ) {
    this.#scannedAt = recall.at
  }

  static async begin(parts: RecallParts, recall: RecallMoment): Promise<RecallWatch> {
    const { store, fleet, journal } = parts
    let ownOnly = false
    const blockLog = await openBlocks(journal, fleet?.journal, () => (ownOnly = true))
    const query = { sinceMs: startOfOrder(store, recall.to), limit: MAX_BLOCKS }
    const { blocks, cursor } = await blockLog.query(query)
    const watch = new RecallWatch(parts, recall, blockLog, cursor, ownOnly)
    for (const block of blocks.reverse()) watch.#take(block)
    return watch
  }

  isFor({ from, to, at }: RecallMoment): boolean {
    const { recall } = this
    return recall.from === from && recall.to === to && recall.at === at && !this.#couldKnowMore()
  }

  #couldKnowMore(): boolean {
    return this.ownOnly && Date.now() > this.#begunAt + ASK_AGAIN_MS
  }

  async look(): Promise<void> {
    if (this.#awaited.size === 0 && Date.now() > this.recall.at + SLACK_MS) return
    await this.#tail()
    if (this.#awaited.size === 0 || performance.now() < this.#scanDue) return
    const start = performance.now()
    await this.#scan()
    const took = performance.now() - start
    this.#scanDue = start + took / SHARE
  }

  async #tail(): Promise<void> {
    for (;;) {
      const { blocks, cursor } = await this.blockLog.after(this.cursor, BATCH)
      this.cursor = cursor
      for (const block of blocks) this.#take(block)
      if (blocks.length < BATCH) return
    }
  }

  #take(block: Block): void {
    const visitor = visitorOf(block)
    const meaning = meaningOf(this.recall, block)
    if (meaning === 'served') this.#isServed(visitor)
    if (meaning !== 'hit' || this.#served.has(visitor) || this.#awaited.size >= MAX_BLOCKS) return
    this.#awaited.set(visitor, block)
  }

  #isServed(visitor: string): void {
    this.#awaited.delete(visitor)
    this.#served.add(visitor)
  }

  async #scan(): Promise<void> {
    const now = Date.now()
    let [visits, lines] = [0, 0]
    for (const noted of this.parts.journal.traffic.servedSince(this.#scannedAt - SLACK_MS)) {
      lines += this.#tell(noted)
      if (lines >= LINES_AT_ONCE) return
      visits += 1
      if (visits % SLICE === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    this.#scannedAt = now
  }

  /** Gives how many lines it wrote. */
  #tell(noted: NotedVisit): number {
    const { visit } = noted
    const visitor = visitorKey(visit.user, visit.device)
    const hit = this.#awaited.get(visitor)
    const served = hit && servedAgain(this.recall, noted)
    if (!served) return 0
    const { user, device, platform, proof } = hit
    const { at: time, policy, reason } = served
    this.parts.journal.append({
      time,
      decision: '',
      protocol: visit.protocol,
      user,
      device,
      platform,
      proof,
      outcome: 'allow',
      enforced: true,
      reason,
      rule: null,
      policy,
      evidenceAgeS: null,
      remote: '',
      repeats: 0,
    })
    this.#isServed(visitor)
    return 1
  }
}
