import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import { readAssets, type Asset } from '../assets'

/** What the console's own addresses begin with: each gives the one page, which shows what the address says. */
const SECTIONS = ['blocks', 'devices', 'people', 'overrides', 'policy', 'hosts', 'audit', 'login']

const NO_CONSOLE = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Device Gate</title>
<h1>Device Gate</h1>
<p>The admin server runs, but the console is not built: <code>npm run build</code> in the package, then restart Haraka.
<p>Its API is at <code>/api/v1</code>, described in <a href="/api/v1/openapi.json">openapi.json</a>.
</html>
`

/** The front end. Nothing of it is secret: what it shows it asks for with the reader's session. */
export function consoleRoutes(app: FastifyInstance, dir: string): void {
  const assets = readAssets(dir)
  const index: Asset = assets.get('/index.html') ?? {
    type: 'text/html; charset=utf-8',
    etag: '"none"',
    isHashed: false,
    plain: Buffer.from(NO_CONSOLE),
  }
  const serve = (url: string, asset: Asset): void =>
    void app.get(url, { config: { role: 'anyone', quiet: true }, schema: { hide: true } }, (request, reply) =>
      send(request, reply, asset),
    )
  for (const [path, asset] of assets) if (path !== '/index.html') serve(path, asset)
  serve('/', index)
  for (const section of SECTIONS) {
    serve(`/${section}`, index)
    serve(`/${section}/*`, index)
  }
}

function send(request: FastifyRequest, reply: FastifyReply, asset: Asset): FastifyReply {
  void reply
    .type(asset.type)
    .header('etag', asset.etag)
    .header('vary', 'accept-encoding')
    .header('cache-control', asset.isHashed ? 'public, max-age=31536000, immutable' : 'no-cache')
  if (request.headers['if-none-match'] === asset.etag) return reply.code(304).send()
  const accepted = request.headers['accept-encoding'] ?? ''
  if (asset.br && /\bbr\b/.test(accepted)) return reply.header('content-encoding', 'br').send(asset.br)
  if (asset.gzip && /\bgzip\b/.test(accepted))
    return reply.header('content-encoding', 'gzip').send(asset.gzip)
  return reply.send(asset.plain)
}
