#!/usr/bin/env node
import './scheduling'
import { hasColour } from './paint'
import { run } from './program'

// Who reads the answer may have read enough (`| head`).
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  process.stderr.write(`device-gate: the answer cannot be written: ${error.message}\n`)
  process.exit(1)
})
// Where the reasons cannot be told, the exit code still tells that there are some.
process.stderr.on('error', () => undefined)

void run(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  raw: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  colour: hasColour(process.env, process.stdout.isTTY),
  // A pseudo terminal that nobody told its size says 0.
  width: process.stdout.isTTY ? process.stdout.columns || undefined : undefined,
  interactive: process.stderr.isTTY,
  input: process.stdin,
  onInterrupt: (end) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end)
  },
}).then((code) => {
  process.exitCode = code
})
