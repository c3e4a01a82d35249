import type { Authorship } from '../devices/store'
import { orderJson } from '../lookup/order'
import { inForceJson, untilInForce, type InForce } from '../orders/in-force'
import type { Given } from '../orders/give'
import { OrderDesk } from '../orders/order-desk'
import type { Caller } from './access'
import type { AdminParts } from './parts'

/** How callers of the server give orders: in their name, and answered when the order is in force. */
export class Ordering {
  readonly desk: OrderDesk

  constructor(private readonly parts: AdminParts) {
    this.desk = new OrderDesk(parts.store, parts.now)
  }

  by(caller: Caller | null, reason: string): Authorship {
    if (!caller) throw new Error('an order that nobody gives')
    return { author: `token:${caller.name}`, reason: reason.trim(), at: this.parts.now() }
  }

  /** What became of an order, as programs are told. */
  async give(order: (desk: OrderDesk) => Promise<Given>): Promise<object> {
    const since = performance.now()
    const { entry, figure } = await order(this.desk)
    const hosts = entry ? await this.inForce(since) : []
    return {
      changed: entry !== null,
      entry: entry && orderJson(entry),
      newly_blocked: figure.newlyBlocked,
      devices: figure.devices,
      hosts: inForceJson(hosts),
    }
  }

  inForce(since: number, options?: { readonly hereOnly: boolean }): Promise<InForce[]> {
    const { store, fleet, site } = this.parts
    return untilInForce({ store: () => store, fleet: () => fleet, workers: site.workers }, since, options)
  }
}
