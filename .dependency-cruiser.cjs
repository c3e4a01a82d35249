'use strict'

/** One folder may import each npm library that does I/O; everything else goes through that folder. */
const home = (library, folders) => ({
  name: `only-${folders.join('-or-')}-imports-${library}`,
  severity: 'error',
  from: { path: '^(src|plugins)/', pathNot: folders.map((folder) => `^src/${folder}/`) },
  to: { path: `^node_modules/${library}/` },
})

/** `folder` may import from itself and from `allowed`, and from no other folder under src/. */
const layer = (folder, allowed) => ({
  name: `${folder}-imports-only-${allowed.join('-') || 'itself'}`,
  severity: 'error',
  from: { path: `^src/${folder}/` },
  to: { path: '^src/', pathNot: [folder, ...allowed].map((name) => `^src/${name}/`) },
})

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    layer('policy', []),
    layer('lmdb', []),
    layer('identity', ['policy']),
    layer('config', ['policy', 'identity']),
    layer('devices', ['policy', 'lmdb', 'config']),
    layer('journal', ['policy', 'lmdb']),
    layer('metrics', ['policy']),
    layer('gate', ['policy', 'devices', 'identity', 'journal', 'metrics']),
    layer('smtp', ['policy', 'identity', 'gate']),
    layer('imap', ['policy', 'identity', 'gate', 'config', 'metrics']),
    layer('orders', ['policy', 'devices']),
    layer('lookup', ['feeds', 'orders', 'policy', 'devices', 'journal', 'gate', 'config']),
    layer('net', []),
    layer('feeds', ['policy', 'devices', 'config', 'orders', 'lmdb', 'net']),
    layer('enrolment', []),
    layer('admin', [
      'feeds',
      'lookup',
      'orders',
      'policy',
      'devices',
      'identity',
      'journal',
      'config',
      'gate',
      'lmdb',
    ]),
    layer('cli', [
      'enrolment',
      'feeds',
      'lookup',
      'orders',
      'policy',
      'devices',
      'identity',
      'config',
      'journal',
      'gate',
      'lmdb',
    ]),
    {
      name: 'console-imports-only-the-words-of-the-gate',
      severity: 'error',
      from: { path: '^console/' },
      to: { path: '^src/', pathNot: '^src/policy/vocabulary' },
    },
    {
      name: 'nothing-imports-the-console',
      severity: 'error',
      from: { path: '^(src|plugins)/' },
      to: { path: '^console/' },
    },
    home('lmdb', ['lmdb']),
    home('ioredis', ['devices']),
    home('pino', ['journal']),
    home('lru-cache', ['gate']),
    home('yaml', ['config']),
    home('ajv', ['config', 'admin']),
    home('fastify', ['admin']),
    home('@fastify', ['admin']),
    home('commander', ['cli']),
    home('cli-progress', ['cli']),
    home('csv-parse', ['devices']),
    home('prom-client', ['metrics']),
  ],
  options: {
    doNotFollow: { path: '(^|/)node_modules/|^dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
  },
}
