/** The part of Haraka's server that says who its processes run as; `cluster` is set where there are workers. */
export interface HarakaServer {
  readonly cluster?: unknown
  readonly cfg: { readonly main: { readonly user?: string | number } }
}

/**
 * Why the gate cannot run under this user, if it cannot. Where smtp.ini names one, Haraka's workers change
 * to it and its master stays root: what either writes into state_dir the other could not.
 */
export function userProblem({ cluster, cfg }: HarakaServer, uid: number | undefined): string | undefined {
  const { user } = cfg.main
  if (cluster === undefined || uid !== 0 || user === undefined || user === '' || String(user) === 'root')
    return undefined
  return (
    `smtp.ini: user=${user}: the workers would run as ${user} and the master as root, but they share the ` +
    `gate's files. Start Haraka as ${user} instead (docs/operations.md has a systemd unit), or set nodes=0`
  )
}
