import fs from 'node:fs'
import type { Command } from 'commander'
