import os from 'node:os'

/**
 * What takes an order back goes before the other work of the host, which may be the storm that the order made. Loaded
 * first: most of what a command does before it writes is to load. Only root may; for others all stays as it is.
 */
if (process.argv.includes('recall')) {
  try {
    os.setPriority(os.constants.priority.PRIORITY_HIGH)
  } catch {
    // Not permitted.
  }
}
