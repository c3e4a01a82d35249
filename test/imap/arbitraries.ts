import fc from 'fast-check'

/** Any user name that a client may give. */
export const anyUser = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
  // eslint-disable-next-line no-control-regex -- a name with controls is no name
  .filter((name) => !/[\u0000-\u001f\u007f]/.test(name))
/** Any password: octets but NUL, at least one. */
export const anyPassword = fc
  .uint8Array({ min: 1, minLength: 1, maxLength: 80 })
  .map((octets) => Buffer.from(octets))
export const anyToken = fc
  .stringMatching(/^[A-Za-z0-9._~+/-]{1,80}={0,2}$/)
  .map((token) => Buffer.from(token))
