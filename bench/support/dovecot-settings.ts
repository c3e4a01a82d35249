/** A Dovecot that is no bottleneck before its time: no process is started for a login. */
export const UPSTREAM_SETTINGS = `
default_vsz_limit = 0
default_client_limit = 20000
service imap-login {
  service_count = 0
  process_min_avail = 1
  process_limit = 1
}
service imap {
  service_count = 0
  client_limit = 10000
  process_min_avail = 2
}
auth_cache_size = 10M
info_log_path = /dev/null
`

/** Dovecot's own proxy: one login process, any password is good here. */
export const proxySettings = (upstreamPort: number): string => `
default_vsz_limit = 0
default_client_limit = 20000
service imap-login {
  service_count = 0
  process_min_avail = 1
  process_limit = 1
}
passdb {
  driver = static
  args = nopassword=y proxy=y host=127.0.0.1 port=${upstreamPort}
}
`
