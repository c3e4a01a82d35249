import type { HostConfig } from '../config/host-config'
import { pseudonymKey } from '../config/pseudonym-key-file'
import type { JournalEntry } from '../journal/journal'
import { Pseudonyms } from '../journal/pseudonym'

/**
 * How an entry stands in what leaves the journal, the block log file and exports, as the config is now. Throws where the
 * key of the pseudonyms cannot be used: no name gets out for that.
 */
export function exportForm(config: () => HostConfig): (entry: JournalEntry) => JournalEntry {
  let pseudonyms: Pseudonyms | undefined
  return (entry) => {
    const { journal, stateDir } = config()
    if (!journal.pseudonymise) return entry
    pseudonyms ??= new Pseudonyms(pseudonymKey(stateDir))
    return pseudonyms.entry(entry)
  }
}
