import fs from 'node:fs'

import { RedisServer } from '../../support/redis-server'
import { storeContract, type StoreHome } from '../store-contract'
import { FleetHost } from './fleet-host'

describe('over a real redis-server', () => {
  let server: RedisServer
  let homes = 0
  before(async () => {
    server = await RedisServer.start()
  })
  after(() => server.remove())

  /** Each handle is a host of its own; one that is opened again has the directory of one that was closed. */
  storeContract('FleetStore', (): Promise<StoreHome> => {
    const prefix = `home-${(homes += 1)}:`
    const free: string[] = []
    return Promise.resolve({
      open: async () => {
        const dir = free.pop()
        const host = FleetHost.open({
          url: server.url,
          prefix,
          name: `host-${free.length}`,
          ...(dir !== undefined && { dir }),
        })
        await host.ready()
        const closing = host.store.close.bind(host.store)
        host.store.close = async () => {
          host.store.close = closing
          await host.close()
          free.push(host.dir)
        }
        return host.store
      },
      remove: async () => {
        for (const dir of free) await fs.promises.rm(dir, { recursive: true })
      },
    })
  })
})
