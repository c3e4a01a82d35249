import os from 'node:os'

import type { HostConfig } from '../../config/host-config'
import { Fleet } from './fleet'

/** This host's part in the fleet that its config names; connects to nothing yet. */
export const openFleet = (
  { stateDir, store: { redis, leaseS } }: HostConfig,
  options: {
    /** No other process of this host follows the store. */
    readonly alone: boolean
  },
): Fleet =>
  Fleet.open({
    stateDir,
    ...redis,
    leaseMs: leaseS * 1000,
    hostName: os.hostname(),
    now: Date.now,
    ...options,
  })
