import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

import { freePorts, untilListening } from '../../test/support/ports'
import { WatchedProcess } from '../../test/support/process'
import { childrenNamed } from './process-usage'

const NGINX = '/usr/sbin/nginx'
const MAIL_MODULE = '/usr/lib/nginx/modules/ngx_mail_module.so'

/** nginx's mail proxy with one worker, in front of `upstreamPort`; it answers its own auth_http. */
export class NginxMailProxy {
  readonly #process: WatchedProcess

  private constructor(
    private readonly dir: string,
    readonly port: number,
  ) {
    this.#process = new WatchedProcess(NGINX, [
      '-p',
      dir,
      '-c',
      path.join(dir, 'nginx.conf'),
      '-e',
      'error.log',
    ])
  }

  static async start(upstreamPort: number): Promise<NginxMailProxy> {
    for (const file of [NGINX, MAIL_MODULE]) {
      if (!fs.existsSync(file))
        throw new Error(`${file} is missing: apt-get install nginx-core libnginx-mod-mail`)
    }
    const [port = 0, authPort = 0] = await freePorts(2)
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'device-gate-nginx-'))
    fs.writeFileSync(path.join(dir, 'nginx.conf'), configuration(port, authPort, upstreamPort))
    const proxy = new NginxMailProxy(dir, port)
    await untilListening(port, () => proxy.#process.output)
    return proxy
  }

  /** The worker: it does all of the work. */
  get pids(): number[] {
    return childrenNamed(this.#process.child.pid ?? 0, 'nginx')
  }

  async remove(): Promise<void> {
    await this.#process.stop()
    fs.rmSync(this.dir, { recursive: true, force: true })
  }
}

const configuration = (port: number, authPort: number, upstreamPort: number): string => `
load_module ${MAIL_MODULE};
daemon off;
worker_processes 1;
user ${os.userInfo().username};
worker_rlimit_nofile 20000;
pid nginx.pid;
events {
  worker_connections 10000;
}
http {
  access_log off;
  client_body_temp_path tmp;
  proxy_temp_path tmp;
  fastcgi_temp_path tmp;
  uwsgi_temp_path tmp;
  scgi_temp_path tmp;
  server {
    listen 127.0.0.1:${authPort};
    location / {
      add_header Auth-Status OK;
      add_header Auth-Server 127.0.0.1;
      add_header Auth-Port ${upstreamPort};
      return 204;
    }
  }
}
mail {
  auth_http 127.0.0.1:${authPort}/;
  server {
    listen 127.0.0.1:${port};
    protocol imap;
    imap_auth plain login;
  }
}
`
