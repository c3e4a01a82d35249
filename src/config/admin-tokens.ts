import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** What a token lets its holder do; each role may do all that the one before may. */
export const ROLES = ['viewer', 'operator', 'approver'] as const
export type AdminRole = (typeof ROLES)[number]

/** Whoever shows the secret may use the admin server; the secret itself is kept nowhere. */
export interface AdminToken {
  /** Stands in the history as the author `token:NAME`. */
  readonly name: string
  readonly role: AdminRole
  readonly sha256: Buffer
  /** Epoch milliseconds. */
  readonly createdAt: number
  /** null: never. */
  readonly expiresAt: number | null
}

export const TOKEN_NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,57}$/
const SECRET = /^dgt_[A-Za-z0-9_-]{43}$/
const SECRET_OCTETS = 32
export const MAX_TOKENS = 1000

const TIME = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`
const LINE = new RegExp(`^(\\S+) (${ROLES.join('|')}) ([0-9a-f]{64}) (${TIME}) (never|${TIME})$`)

const HEADING = `# Tokens of the admin server: name, role, SHA-256 of the token, created, expires.
# Written by device-gate token issue and token revoke. A line taken out ends its sessions within a second.
`

export interface TokensReading {
  /** Those of the lines that can be used. */
  readonly tokens: readonly AdminToken[]
  readonly problems: readonly { readonly line: number; readonly problem: string }[]
}

export function parseTokens(text: string): TokensReading {
  const tokens: AdminToken[] = []
  const problems: { line: number; problem: string }[] = []
  const names = new Set<string>()
  text.split('\n').forEach((raw, i) => {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) return
    const token = parseToken(line)
    const refuse = (problem: string): unknown => problems.push({ line: i + 1, problem })
    if (!token) refuse('is no token as device-gate token issue writes it; take the line out')
    else if (names.has(token.name)) refuse('has the name of a line before; take one of them out')
    else if (tokens.length >= MAX_TOKENS) refuse(`is one token more than ${MAX_TOKENS}; take the oldest out`)
    else tokens.push(token)
    if (token) names.add(token.name)
  })
  return { tokens, problems }
}

function parseToken(line: string): AdminToken | undefined {
  const [, name = '', role, hash = '', created = '', expires = ''] = LINE.exec(line) ?? []
  if (!TOKEN_NAME.test(name)) return undefined
  const createdAt = Date.parse(created)
  const expiresAt = expires === 'never' ? null : Date.parse(expires)
  if (Number.isNaN(createdAt) || Number.isNaN(expiresAt)) return undefined
  return { name, role: role as AdminRole, sha256: Buffer.from(hash, 'hex'), createdAt, expiresAt }
}

export const formatTokens = (tokens: readonly AdminToken[]): string =>
  HEADING +
  tokens
    .map(({ name, role, sha256, createdAt, expiresAt }) =>
      [
        name,
        role,
        sha256.toString('hex'),
        iso(createdAt),
        expiresAt === null ? 'never' : iso(expiresAt),
      ].join(' '),
    )
    .map((line) => `${line}\n`)
    .join('')

const iso = (ms: number): string => new Date(ms).toISOString()

/** A new token, and the secret that is shown once. */
export function newToken(parts: Pick<AdminToken, 'name' | 'role' | 'createdAt' | 'expiresAt'>): {
  readonly token: AdminToken
  readonly secret: string
} {
  const secret = `dgt_${randomBytes(SECRET_OCTETS).toString('base64url')}`
  return { token: { ...parts, sha256: sha256(secret) }, secret }
}

/** The token of a secret. Takes as long for a wrong one as for any other. */
export function tokenOf(tokens: readonly AdminToken[], secret: string, now: number): AdminToken | undefined {
  if (!SECRET.test(secret)) return undefined
  const hash = sha256(secret)
  let found: AdminToken | undefined
  for (const token of tokens) if (timingSafeEqual(token.sha256, hash)) found = token
  return found && isValidAt(found, now) ? found : undefined
}

export const isValidAt = ({ expiresAt }: AdminToken, now: number): boolean =>
  expiresAt === null || now < expiresAt

const sha256 = (secret: string): Buffer => createHash('sha256').update(secret).digest()
