import fs from 'node:fs'

import { readTextFile, watchFile, type FileWatcher } from './config/file-watcher'
import type { HostConfig } from './config/host-config'
import { DecisionGate } from './gate/decision-gate'
import type { HostParts } from './host-parts'
import { createTagReader } from './identity/device-tag'
import type { TagReader } from './identity/claim'
import { createNetworkMatcher } from './identity/exempt-networks'
import { parseKeyring } from './identity/tag-keyring'
import { startImapServer } from './imap/server'
import type { SmtpGate } from './smtp/smtp-gate'

export interface DataPlane {
  readonly smtp: SmtpGate
  close(): Promise<void>
}

/** What decides and proxies in one worker: reads the replica, never writes it. */
export async function startDataPlane(parts: HostParts): Promise<DataPlane> {
  const { config, logger, onFault } = parts
  const tags = watchTags(parts)
  let isExempt = createNetworkMatcher(config.current().identity.exemptNetworks)

  const gate = new DecisionGate({
    replica: parts.store,
    journal: parts.journal,
    onFault,
    host: () => {
      const { enforcement, failMode, identity } = config.current()
      return { enforcement, failMode, unidentified: identity.unidentified }
    },
  })
  parts.onConfigChange((changed) => {
    isExempt = createNetworkMatcher(changed.identity.exemptNetworks)
    gate.hostChanged()
  })

  const shared = { gate, tags: tags.current, isExempt: (address: string) => isExempt(address), now: Date.now }
  const imap = config.current().imap.enabled
    ? await startImapServer({
        ...shared,
        config: () => config.current().imap,
        clientCa: () => config.current().identity.clientCa,
        logger,
      })
    : undefined
  for (const address of imap?.addresses ?? []) logger.info({ address }, 'imap listening')

  return {
    smtp: { ...shared, enabled: () => config.current().smtp.enabled, onFault },
    close: async () => {
      tags.close()
      await imap?.close()
      gate.close()
    },
  }
}

/** The reader of device tags under the key file as it is now. Throws at start when the file is unusable. */
function watchTags(parts: HostParts): { current: () => TagReader; close: () => void } {
  const { config, onFault } = parts
  let reader = readTags(config.current())
  const reload = (): void => {
    try {
      reader = readTags(config.current())
    } catch (error) {
      onFault(error)
    }
  }
  const watch = (): FileWatcher => {
    const { keyFile } = config.current().identity.tag
    return watchFile(keyFile, readTextFile(keyFile), reload)
  }
  let watcher = watch()
  parts.onConfigChange(() => {
    watcher.close()
    reload()
    watcher = watch()
  })
  return { current: () => reader, close: () => watcher.close() }
}

/** A site without a key file has no tags; one with an unusable file must not go on as if it had none. */
function readTags({ identity: { tag } }: HostConfig): TagReader {
  const text = fs.existsSync(tag.keyFile) ? fs.readFileSync(tag.keyFile, 'utf8') : ''
  return createTagReader(parseKeyring(text, tag.keyFile), tag.separator)
}
