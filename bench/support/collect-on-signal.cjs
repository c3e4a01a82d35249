'use strict'

/** Loaded into a process whose memory is measured: SIGUSR2 makes it collect its garbage. */
const v8 = require('node:v8')
const vm = require('node:vm')

v8.setFlagsFromString('--expose-gc')
const collect = vm.runInNewContext('gc')
process.on('SIGUSR2', () => collect())
