import { isDeviceId } from '../../devices/record'
import { fieldsOf } from '../fields'

/** A member of a complex subject is looked for no deeper; aliases nest no further either (RFC 9493 section 3.2.8). */
const MAX_DEPTH = 2
const MAX_ALIASES = 16

/**
 * The ids by which a subject names a device (RFC 9493): `opaque`, `iss_sub` and `uri` by what they hold, `aliases` by
 * each, a complex subject by its `device`. Empty: it names none, as a person's address does. undefined: it is of
 * a format that nobody documents.
 */
export function deviceIdsOf(value: unknown, depth = 0): readonly string[] | undefined {
  const subject = fieldsOf(value)
  if (!subject || depth > MAX_DEPTH) return undefined
  // Before RFC 9493 the format was called so; a complex subject needed none.
  const format = subject['format'] ?? subject['subject_type']
  if (format === 'complex' || (format === undefined && 'device' in subject))
    return 'device' in subject ? deviceIdsOf(subject['device'], depth + 1) : []
  switch (format) {
    case 'opaque':
      return idOf(subject['id'])
    case 'iss_sub':
      return idOf(subject['sub'])
    case 'uri':
      return idOf(typeof subject['uri'] === 'string' ? withoutUrn(subject['uri']) : undefined)
    case 'aliases': {
      const identifiers = subject['identifiers']
      if (!Array.isArray(identifiers) || identifiers.length > MAX_ALIASES) return undefined
      return [...new Set(identifiers.flatMap((one: unknown) => deviceIdsOf(one, depth + 1) ?? []))]
    }
    case 'email':
    case 'phone_number':
    case 'account':
    case 'did':
    case 'jwt_id':
    case 'saml_assertion_id':
    case 'ip-addresses':
      return []
    default:
      return undefined
  }
}

const idOf = (value: unknown): readonly string[] | undefined =>
  typeof value === 'string' && isDeviceId(value) ? [value] : undefined

const withoutUrn = (uri: string): string => uri.replace(/^urn:uuid:/i, '')
