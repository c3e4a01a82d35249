import { Option, type Command } from 'commander'

import { readAdminTokenFile } from '../config/admin-token-file'
import {
  formatTokens,
  isValidAt,
  MAX_TOKENS,
  newToken,
  ROLES,
  TOKEN_NAME,
  type AdminRole,
  type AdminToken,
} from '../config/admin-tokens'
import { rewriteSecretFile } from '../config/secret-file'
import { answer, type CommandContext } from './context'
import { durationMs } from './moment'
import { clockTime, isoTime, Refusal, table, UsageError } from './output'

interface IssueOptions {
  readonly role: AdminRole
  readonly expires?: string
}

export function tokenCommand(program: Command, context: () => CommandContext): void {
  const command = program
    .command('token')
    .description('say who may use the admin server: its API, the console in a browser, metrics')
  command
    .command('issue')
    .description('make a token for a person or program and print it, this once')
    .argument('<name>', 'whose it is; stands in the history as token:NAME')
    .addOption(
      new Option('--role <role>', 'viewer reads; operator orders too; approver also approves and confirms')
        .choices(ROLES)
        .makeOptionMandatory(),
    )
    .option('--expires <duration>', 'how long it is valid, e.g. 90d; default: until it is revoked')
    .action((name: string, options: IssueOptions) => issue(context(), name, options))
  command
    .command('list')
    .description('list the tokens by name, never the tokens themselves')
    .action(() => list(context()))
  command
    .command('revoke')
    .description('make a token void; its sessions end within a second')
    .argument('<name>')
    .action((name: string) => revoke(context(), name))
}

/** All of them: a damaged file must not be written back in part. */
function tokensIn(context: CommandContext): readonly AdminToken[] {
  const { tokens, problems } = readAdminTokenFile(context.config().admin.tokenFile)
  if (problems.length > 0) throw new Refusal(problems.join('\n'))
  return tokens
}

function issue(context: CommandContext, name: string, { role, expires }: IssueOptions): void {
  if (!TOKEN_NAME.test(name))
    throw new UsageError('a name is 1 to 58 letters, digits and . _ @ -, and begins with a letter or digit')
  const createdAt = context.now()
  const expiresAt = expires === undefined ? null : createdAt + durationMs('--expires', expires)
  const { token, secret } = newToken({ name, role, createdAt, expiresAt })
  rewriteSecretFile(context.config().admin.tokenFile, () => {
    const tokens = tokensIn(context)
    if (tokens.some((one) => one.name === name))
      throw new Refusal(`there is a token of this name: give another, or device-gate token revoke ${name}`)
    if (tokens.length >= MAX_TOKENS) throw new Refusal(`there are ${MAX_TOKENS} tokens: revoke one first`)
    return formatTokens([...tokens, token])
  })
  answer(context, { ...tokenJson(token, createdAt), token: secret }, `${secret}\n`)
}

function list(context: CommandContext): void {
  const now = context.now()
  const tokens = tokensIn(context)
  const rows = tokens.map(({ name, role, createdAt, expiresAt }) => [
    name,
    role,
    clockTime(createdAt),
    expiresAt === null ? 'revoked' : expiresAt <= now ? 'expired' : clockTime(expiresAt),
  ])
  answer(
    context,
    tokens.map((token) => tokenJson(token, now)),
    rows.length === 0
      ? 'no tokens: make one with device-gate token issue NAME --role viewer\n'
      : table(['name', 'role', 'created', 'valid until'], rows),
  )
}

const tokenJson = (token: AdminToken, now: number): object => ({
  name: token.name,
  role: token.role,
  created_at: isoTime(token.createdAt),
  expires_at: token.expiresAt === null ? null : isoTime(token.expiresAt),
  valid: isValidAt(token, now),
})

function revoke(context: CommandContext, name: string): void {
  rewriteSecretFile(context.config().admin.tokenFile, () => {
    const tokens = tokensIn(context)
    const left = tokens.filter((one) => one.name !== name)
    if (left.length === tokens.length)
      throw new Refusal(`there is no token ${name}: see device-gate token list`)
    return formatTokens(left)
  })
  answer(context, { revoked: name }, `token ${name} is void\n`)
}
