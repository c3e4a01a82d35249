import type { FeedKind } from '../kind'
import { caepPollKind } from './caep-poll'
import { caepPushKind } from './caep-push'
import { fileKind } from './file'
import { fleetdmKind } from './fleetdm'
import { httpKind } from './http'
import { intuneKind } from './intune'
import { jamfKind } from './jamf'

/** All kinds of feeds that there are. */
export const FEED_KINDS: readonly FeedKind[] = [
  fileKind,
  httpKind,
  intuneKind,
  jamfKind,
  fleetdmKind,
  caepPushKind,
  caepPollKind,
]

export const feedKind = (name: string): FeedKind | undefined => FEED_KINDS.find(({ kind }) => kind === name)
