import { isDeviceId, parseDeviceRecord } from '../../devices/record'
import type { ComplianceState, Platform } from '../../policy/vocabulary'
import { appFindings, type WantedApps } from '../app-findings'
import { addressesIn, fieldsOf, numberedId, textOf, textsIn, type Fields } from '../fields'
import type { FeedReading } from '../reading'
import { MAX_POLICIES, type DeviceIdField } from './settings'

/** By what osquery calls them, and Fleet those that have no osquery. */
const PLATFORMS: Readonly<Record<string, Platform>> = {
  darwin: 'macos',
  windows: 'windows',
  ios: 'ios',
  ipados: 'ios',
  android: 'android',
  chrome: 'chromeos',
  ...Object.fromEntries(
    [
      ...['linux', 'ubuntu', 'debian', 'rhel', 'fedora', 'centos', 'amzn', 'sles', 'opensuse-leap'],
      ...['opensuse-tumbleweed', 'kali', 'gentoo', 'pop', 'arch', 'archarm', 'linuxmint', 'void', 'nixos'],
      ...['endeavouros', 'manjaro', 'manjaro-arm', 'neon', 'tuxedo', 'zorin'],
    ].map((name) => [name, 'linux' as const]),
  ),
}

/** Enrolled, and not a person's own: of these all apps are told. */
const SHOW_APPS = ['On (automatic)', 'On (company-owned)', 'On (manual)']
const ENROLLED = [...SHOW_APPS, 'On (personal)', 'On (manual - personal)']
const PENDING = 'Pending'
/** A browser's profile may be signed in as anybody. */
const UNPROVEN = 'google_chrome_profiles'
/** Fleet's word for never. */
const NEVER = Date.parse('2000-01-01T00:00:00Z')

export interface Terms {
  readonly feed: string
  readonly deviceId: DeviceIdField
  /** Ids of the policies that count. */
  readonly policies: ReadonlySet<string>
  readonly apps: WantedApps
  /** When the source was asked. */
  readonly version: number
}

/** `place`: host-12. undefined: a device that is only announced. */
export function readingOf(place: string, host: Fields, terms: Terms): FeedReading | undefined {
  const mdm = textOf(fieldsOf(host['mdm'])?.['enrollment_status'])
  if (mdm === PENDING) return undefined
  const named = terms.deviceId === 'serial' ? host['hardware_serial'] : host['uuid']
  const id = textOf(named) ?? `${terms.feed}-${place}`
  if (!isDeviceId(id)) return { place, problem: `${terms.deviceId}: is no id that a device may have` }
  const platform = PLATFORMS[(textOf(host['platform']) ?? '').toLowerCase()] ?? 'other'
  const isPhone = platform === 'ios' || platform === 'android'
  const isManaged = !isPhone || ENROLLED.some((status) => status === mdm)
  const { policies } = host
  if (!isPhone && !Array.isArray(policies)) return { place, id, problem: 'policies: is missing' }
  const answers = answersOf(policies, terms)
  const failed = [...answers].filter(([, answer]) => answer === 'fail').map(([policy]) => `policy:${policy}`)
  const toldAt = textOf(host['detail_updated_at'])
  if (toldAt === undefined || Date.parse(toldAt) <= NEVER)
    return { place, id, problem: 'detail_updated_at: it never told its details' }
  const reading = parseDeviceRecord({
    id,
    owners: owners(host),
    platform,
    state: stateOf(isManaged, [...answers.values()]),
    findings: [
      ...(isManaged ? [] : ['device:unmanaged']),
      ...failed.slice(0, MAX_POLICIES),
      ...apps(
        host,
        terms.apps,
        isPhone ? SHOW_APPS.some((status) => status === mdm) : platform !== 'chromeos',
      ),
    ],
    evidence_at: toldAt,
    source: terms.feed,
    version: terms.version,
  })
  return reading.ok ? { place, record: reading.record } : { place, id, problem: reading.problem }
}

/** What a host answers to each of the policies that count and that are about it. */
function answersOf(policies: unknown, terms: Terms): Map<string, unknown> {
  const answers = (Array.isArray(policies) ? policies : []).map((item): [string, unknown] => {
    const policy = fieldsOf(item)
    return [numberedId(policy?.['id']) ?? '', policy?.['response']]
  })
  return new Map(answers.filter(([id]) => terms.policies.has(id)))
}

/** A policy without an answer was not run there yet; a host that none is about is not known to be compliant. */
function stateOf(isManaged: boolean, answers: readonly unknown[]): ComplianceState {
  if (answers.includes('fail')) return 'noncompliant'
  if (!isManaged || answers.length === 0) return 'unknown'
  return answers.every((answer) => answer === 'pass') ? 'compliant' : 'unknown'
}

function owners(host: Fields): string[] {
  const mapping: unknown = host['device_mapping']
  const people = (Array.isArray(mapping) ? mapping : [])
    .map(fieldsOf)
    .filter((person) => person?.['source'] !== UNPROVEN)
  return addressesIn(people.map((person) => person?.['email']))
}

/** Apps have ids where Apple or Android gives them; other programs have names. */
function apps(host: Fields, wanted: WantedApps, areAllTold: boolean): string[] {
  const { software } = host
  const ids = (Array.isArray(software) ? software : []).map((item) => {
    const entry = fieldsOf(item)
    return (
      textOf(entry?.['bundle_identifier']) ?? textOf(entry?.['application_id']) ?? textOf(entry?.['name'])
    )
  })
  return appFindings(wanted, textsIn(ids), areAllTold && Array.isArray(software))
}
