import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

import { isAlive, WatchedProcess } from './process'
import { freePorts, untilListening } from './ports'

const DOVECOT = '/usr/sbin/dovecot'
/** Who owns the mail when the tests run as root: Dovecot does not serve mail as root. */
const NOBODY = 65_534

export interface DovecotOptions {
  readonly users: Readonly<Record<string, string>>
  /** PEM files; without them there is no TLS. */
  readonly tls?: { readonly cert: string; readonly key: string }
  /** Further settings, as in dovecot.conf. */
  readonly settings?: string
}

/** A private Dovecot on high ports of 127.0.0.1, with its own directories; the system's is left alone. */
export class Dovecot {
  #process: WatchedProcess
  #delivered = 0

  private constructor(
    readonly dir: string,
    readonly port: number,
    readonly tlsPort: number,
  ) {
    this.#process = this.#spawn()
  }

  #spawn(): WatchedProcess {
    return new WatchedProcess(DOVECOT, ['-F', '-c', path.join(this.dir, 'dovecot.conf')])
  }

  static async start(options: DovecotOptions): Promise<Dovecot> {
    if (!fs.existsSync(DOVECOT)) {
      throw new Error(`${DOVECOT} is missing: run scripts/install-test-packages.sh`)
    }
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'device-gate-dovecot-'))
    fs.chmodSync(dir, 0o755)
    const [port = 0, tlsPort = 0] = await freePorts(2)
    const users = Object.entries(options.users).map(([user, password]) => `${user}:{PLAIN}${password}\n`)
    fs.writeFileSync(path.join(dir, 'users'), users.join(''))
    fs.writeFileSync(path.join(dir, 'dovecot.conf'), configuration(dir, port, tlsPort, options))
    fs.mkdirSync(path.join(dir, 'mail'), { mode: 0o777 })
    fs.chmodSync(path.join(dir, 'mail'), 0o777)
    const dovecot = new Dovecot(dir, port, tlsPort)
    await untilListening(port, () => dovecot.log())
    return dovecot
  }

  /** The master process. */
  get pid(): number {
    return this.#process.child.pid ?? 0
  }

  /** What it logged so far. */
  log(): string {
    const file = path.join(this.dir, 'dovecot.log')
    return this.#process.output + (fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '')
  }

  /** Puts a message into a user's INBOX, as a delivery agent would. */
  deliver(user: string, message: string): void {
    const maildir = path.join(this.dir, 'mail', user, 'Maildir')
    for (const name of ['cur', 'new', 'tmp']) {
      fs.mkdirSync(path.join(maildir, name), { recursive: true, mode: 0o777 })
    }
    this.#delivered += 1
    const file = path.join(maildir, 'new', `${1_700_000_000 + this.#delivered}.M${this.#delivered}.localhost`)
    fs.writeFileSync(file, message)
    if (process.getuid?.() === 0) {
      const chown = (place: string): void => fs.chownSync(place, NOBODY, NOBODY)
      for (const place of [path.dirname(maildir), maildir, file]) chown(place)
      for (const name of ['cur', 'new', 'tmp']) chown(path.join(maildir, name))
    }
  }

  /** Ends it at once (asked politely, it waits ten seconds for sessions); what it wrote stays until `remove`. */
  async stop(): Promise<void> {
    this.signal('SIGKILL')
    await this.#process.stop('SIGKILL')
  }

  /** To all its processes: SIGSTOP makes it a server that answers nobody, until SIGCONT. */
  signal(signal: NodeJS.Signals): void {
    const { pid } = this.#process.child
    if (pid === undefined || !isAlive(pid)) return
    const children = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')
    process.kill(pid, signal)
    for (const child of children.filter((one) => one !== '').map(Number)) {
      try {
        process.kill(child, signal)
      } catch (error) {
        // A login process that is done ends by itself, also between the look and the signal.
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
      }
    }
  }

  /** Starts it anew after `stop`, on the same ports with the same mail. */
  async restart(): Promise<void> {
    this.#process = this.#spawn()
    await untilListening(this.port, () => this.log())
  }

  async remove(): Promise<void> {
    await this.stop()
    fs.rmSync(this.dir, { recursive: true, force: true })
  }
}

function configuration(dir: string, port: number, tlsPort: number, options: DovecotOptions): string {
  const { username, uid, gid } = os.userInfo()
  const root = uid === 0
  const own = root
    ? ''
    : `default_internal_user = ${username}\ndefault_login_user = ${username}\ndefault_internal_group = ${groupName()}\n` +
      `service anvil {\n  chroot =\n}\nservice imap-login {\n  chroot =\n}\n`
  const ssl = options.tls
    ? `ssl = yes\nssl_cert = <${options.tls.cert}\nssl_key = <${options.tls.key}\n`
    : 'ssl = no\n'
  return `protocols = imap
listen = 127.0.0.1
base_dir = ${dir}/run
state_dir = ${dir}/state
log_path = ${dir}/dovecot.log
auth_verbose = yes
disable_plaintext_auth = no
auth_failure_delay = 0
login_trusted_networks = 127.0.0.0/8
mail_max_userip_connections = 100000
mail_location = maildir:~/Maildir
${ssl}${own}
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%u ${dir}/users
}
userdb {
  driver = static
  args = uid=${root ? NOBODY : uid} gid=${root ? NOBODY : gid} home=${dir}/mail/%u
}
# Else an address with a failed login waits seconds for its next one.
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service imap-login {
  inet_listener imap {
    port = ${port}
  }
  inet_listener imaps {
    port = ${options.tls ? tlsPort : 0}
    ssl = yes
  }
}
${options.settings ?? ''}
`
}

const groupName = (): string => execFileSync('id', ['-gn'], { encoding: 'utf8' }).trim()
