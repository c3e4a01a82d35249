import type { HostConfig } from './config/host-config'
import { watchOauthKeys } from './config/oauth-key-file'
import { watchTagKeys } from './config/tag-key-file'
import { startCounting } from './counting'
import { DecisionGate } from './gate/decision-gate'
import type { HostParts } from './host-parts'
import { createCertificateReader } from './identity/client-certificate'
import { createTagReader } from './identity/device-tag'
import type { TagReader, TokenReader } from './identity/claim'
import { createNetworkMatcher } from './identity/exempt-networks'
import { createTokenReader } from './identity/oauth-token'
import { startImapServer } from './imap/server'
import type { JournalStore } from './journal/journal-store'
import type { WorkerNote } from './journal/worker-notes'
import { CERTIFICATE_NOTE } from './orders/certificates'
import type { SmtpGate } from './smtp/smtp-gate'

/** How soon another number of open sessions is told. */
const SESSIONS_MS = 5000

/** How often the control plane is told that a key is missing: anybody can make tokens up. */
const UNKNOWN_KEY_MS = 10_000

/** How often it is looked whether somebody asks about sessions: one look at an index that is empty nearly always. */
const INQUIRY_MS = 250

export interface DataPlane {
  readonly smtp: SmtpGate
  close(): Promise<void>
}

/** What decides and proxies in one worker: reads the replica, never writes it, and never talks to the store. */
export async function startDataPlane(parts: HostParts): Promise<DataPlane> {
  const { config, logger, onFault } = parts
  const tags = watchTags(parts)
  let networks = networksOf(config.current())

  const { journal, replica } = parts
  const noted = { pid: process.pid, sequence: 0, sessions: 0, orderedAt: Date.now(), unknownKeyAt: 0 }
  const note = (changed: Partial<WorkerNote>): void => {
    journal.workers.note(Object.assign(noted, changed)).catch(onFault)
  }
  // Before the gate looks for the first time: all up to here it will see.
  note({ sequence: replica.sequence() })
  const counting = startCounting(parts)
  const { counts } = counting
  const gate = new DecisionGate({
    replica,
    counts,
    journal,
    traffic: journal.traffic,
    revokeSpreadMs: () => config.current().imap.revokeSpreadS * 1000,
    now: Date.now,
    onFault,
    onTakenIn: (sequence, ordered) => note({ sequence, ...(ordered && { orderedAt: Date.now() }) }),
    host: () => {
      const { enforcement, failMode, identity } = config.current()
      return { enforcement, failMode, unidentified: identity.unidentified }
    },
  })
  parts.onConfigChange((changed) => {
    networks = networksOf(changed)
    gate.hostChanged()
  })

  const noting = setInterval(() => {
    const sessions = gate.openSessions
    if (sessions !== noted.sessions) note({ sessions })
  }, SESSIONS_MS).unref()

  const tokens = watchTokens(parts, () => {
    const unknownKeyAt = Date.now()
    if (unknownKeyAt - noted.unknownKeyAt >= UNKNOWN_KEY_MS) note({ unknownKeyAt })
  })

  const answering = setInterval(() => {
    answerInquiries(journal, gate).catch(onFault)
  }, INQUIRY_MS).unref()

  const isExempt = (address: string): boolean => networks.isExempt(address)
  const shared = { gate, tags: tags.current, isExempt, now: Date.now }
  const imap = config.current().imap.enabled
    ? await startImapServer({
        ...shared,
        isProxy: (address) => networks.isProxy(address),
        isForwarder: (address) => networks.isForwarder(address),
        certificates: () =>
          createCertificateReader(
            config.current().identity.certificateDevice,
            (key) => replica.note(`${CERTIFICATE_NOTE}${key}`),
            onFault,
          ),
        tokens: tokens.current,
        config: () => config.current().imap,
        clientCa: () => config.current().identity.clientCa,
        counts,
        onFault,
        logger,
      })
    : undefined
  for (const address of imap?.addresses ?? []) logger.info({ address }, 'imap listening')

  return {
    smtp: { ...shared, enabled: () => config.current().smtp.enabled, onFault },
    close: async () => {
      clearInterval(noting)
      clearInterval(answering)
      tags.close()
      tokens.close()
      await imap?.close()
      gate.close()
      await counting.close()
      await journal.workers.remove(process.pid).catch(onFault)
    },
  }
}

/** Who is told from others by the address that a connection comes from. */
const networksOf = ({ identity, imap }: HostConfig) => ({
  isExempt: createNetworkMatcher(identity.exemptNetworks),
  isProxy: createNetworkMatcher(imap.proxyNetworks),
  isForwarder: createNetworkMatcher(imap.forwardingNetworks),
})

async function answerInquiries({ inquiries }: JournalStore, gate: DecisionGate): Promise<void> {
  for (const inquiry of inquiries.waiting(process.pid))
    await inquiries.answer(process.pid, inquiry, gate.openSessionsOf(inquiry.subject))
}

/** The reader of device tags under the keys and the separator as they are now. */
function watchTags(parts: HostParts): {
  current: () => TagReader
  close: () => void
} {
  const { config, logger } = parts
  const { keyFile } = config.current().identity.tag
  const keys = watchTagKeys(keyFile, (problem) => logger.error({}, `tag keys: ${problem}`))
  parts.onConfigChange(({ identity }) => keys.follow(identity.tag.keyFile))
  return {
    current: () => createTagReader(keys.current(), config.current().identity.tag.separator),
    close: () => keys.close(),
  }
}

/** The reader of OAuth tokens under the rules and the keys as they are now; null: there are no rules. */
function watchTokens(
  { config }: HostParts,
  onUnknownKey: () => void,
): { current: () => TokenReader | null; close: () => void } {
  const keys = watchOauthKeys(config.current().stateDir)
  const current = (): TokenReader | null => {
    const { oauth } = config.current().identity
    if (!oauth) return null
    const reader = createTokenReader(oauth, keys.current())
    return {
      read: (user, token, now) => {
        const reading = reader.read(user, token, now)
        if (reading.status === 'unchecked') onUnknownKey()
        return reading
      },
    }
  }
  return { current, close: () => keys.close() }
}
