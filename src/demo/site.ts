import fs from 'node:fs'
import path from 'node:path'

/** DEMO ONLY: a Haraka directory of its own, made anew at each start below `dir`. */
export interface DemoSite {
  readonly dir: string
  readonly imapPort: number
  readonly smtpPort: number
  readonly adminPort: number
}

export interface DemoSiteOptions {
  readonly packageRoot: string
  readonly upstreamPort: number
  readonly imapPort: number
  readonly smtpPort: number
  readonly adminPort: number
  readonly policyText: string
  readonly users: readonly string[]
  readonly password: string
}

const LETTER = `From: Carol <carol@example.com>\r
To: Anna <anna@example.com>\r
Subject: Lunch on Friday?\r
\r
Noon, at the corner place.\r
`

/** Writes the site's config: the published samples, with ports, upstream, policy and users of the demo. */
export function writeDemoSite(dir: string, options: DemoSiteOptions): DemoSite {
  fs.rmSync(dir, { recursive: true, force: true })
  const config = path.join(dir, 'config')
  fs.mkdirSync(config, { recursive: true, mode: 0o700 })
  fs.mkdirSync(path.join(dir, 'queue'))
  for (const name of fs.readdirSync(path.join(options.packageRoot, 'config'))) {
    fs.copyFileSync(path.join(options.packageRoot, 'config', name), path.join(config, name))
  }
  // Haraka's own defaults, as `haraka -i` would lay them down: it does not run without this one.
  const harakaConfig = path.join(path.dirname(require.resolve('haraka/package.json')), 'config')
  fs.copyFileSync(path.join(harakaConfig, 'connection.ini'), path.join(config, 'connection.ini'))
  const plugins = path.join(dir, 'plugins')
  fs.mkdirSync(plugins)
  fs.symlinkSync(path.join(options.packageRoot, 'plugins', 'device_gate'), path.join(plugins, 'device_gate'))

  const write = (name: string, lines: readonly string[]): void =>
    fs.writeFileSync(path.join(config, name), `${lines.join('\n')}\n`, { mode: 0o600 })
  write('smtp.ini', [`listen=127.0.0.1:${options.smtpPort}`, 'nodes=1'])
  write('plugins', ['device_gate', 'auth/flat_file', 'queue/discard'])
  write('me', ['device-gate-demo.example.com'])
  write('loglevel', ['notice'])
  write('auth_flat_file.ini', [
    '[core]',
    'methods=PLAIN,LOGIN,CRAM-MD5',
    'constrain_sender=false',
    '[users]',
    ...options.users.map((user) => `${user}=${options.password}`),
  ])
  write('device_gate.yaml', [
    '# Demo: made by npm start. Keys left out have the defaults of config/device_gate.yaml.',
    'enforcement: policy',
    'imap:',
    `  listen: ["127.0.0.1:${options.imapPort}"]`,
    `  upstream: { host: 127.0.0.1, port: ${options.upstreamPort}, tls: none }`,
    `admin: { listen: "127.0.0.1:${options.adminPort}" }`,
  ])
  fs.writeFileSync(path.join(config, 'device_gate_policy.yaml'), options.policyText)
  fs.writeFileSync(path.join(dir, 'letter.eml'), LETTER)
  // Quicker than npx, and it looks nowhere else for a package of that name.
  const cli = path.join(options.packageRoot, 'dist', 'cli', 'main.js')
  const command = `#!/bin/sh\nexec '${process.execPath}' '${cli}' -c '${dir}' "$@"\n`
  fs.writeFileSync(path.join(dir, 'device-gate'), command, { mode: 0o755 })
  return { dir, imapPort: options.imapPort, smtpPort: options.smtpPort, adminPort: options.adminPort }
}
