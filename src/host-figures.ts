import { VERSION } from './config/version'
import { unlessDamaged } from './devices/unless-damaged'
import type { FleetDuty } from './fleet-duty'
import type { ControlParts } from './host-parts'
import type { Sample, Samples } from './metrics/catalogue'
import { currentHolds } from './orders/holds'
import { pendingEdit } from './orders/pending'
import { proposals } from './orders/proposal'
import { effectiveMode, siteMode } from './policy/effective-mode'
import { MODES } from './policy/vocabulary'

/** What this host's parts know beside the counts of its workers. What is damaged is left out: a check tells of it. */
export function hostFigures(parts: ControlParts, fleet: FleetDuty | undefined, problems: number): Samples {
  const { store, journal, config } = parts
  return {
    ...policyFigures(parts),
    ...fleetFigures(parts, fleet),
    device_gate_policy_problems: one(problems),
    device_gate_config_problems: one(config.problems().length),
    device_gate_orders_total: one(store.newestOrder()),
    device_gate_pending_edits: one(unlessDamaged(() => (pendingEdit(store) ? 1 : 0))),
    device_gate_proposals: one(unlessDamaged(() => proposals(store).size)),
    device_gate_devices: one(store.counts().devices),
    device_gate_replica_sequence: one(store.sequence()),
    device_gate_journal_entries: one(journal.size()),
    device_gate_info: [{ labels: { version: VERSION }, value: 1 }],
  }
}

const one = (value: number | null | undefined): readonly Sample[] =>
  value === null || value === undefined ? [] : [{ value }]

function policyFigures({ store, config }: ControlParts): Samples {
  const active = unlessDamaged(() => store.activePolicy())
  const moments = unlessDamaged(() => Object.values(currentHolds(store).held).map(({ moment }) => moment))
  const mode = active && effectiveMode(siteMode(active), config.current().enforcement)
  return {
    ...(mode && {
      device_gate_mode: MODES.map((each) => ({ labels: { mode: each }, value: each === mode ? 1 : 0 })),
    }),
    device_gate_policy_version: one(active?.version),
    device_gate_guard_holds: one(moments?.length),
    device_gate_held_deadline_timestamp_seconds: one(
      moments?.length ? Math.min(...moments) / 1000 : undefined,
    ),
  }
}

function fleetFigures({ fleet, config }: ControlParts, duty: FleetDuty | undefined): Samples {
  if (!fleet || !duty) return {}
  const leaseFrom = fleet.store.leaseFrom()
  const { waiting, lost } = duty.journalStanding()
  return {
    device_gate_lease_age_seconds: one(leaseFrom && (Date.now() - leaseFrom) / 1000),
    device_gate_lease_seconds: one(config.current().store.leaseS),
    device_gate_fleet_problem: one(duty.problem() === null ? 0 : 1),
    device_gate_journal_spool_waiting: one(waiting),
    device_gate_journal_spool_lost_total: one(lost),
  }
}
