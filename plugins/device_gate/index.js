'use strict'

// Loaded at register, where a failure stops Haraka: at load, `ignore_bad_plugins` would serve mail without the gate.
let gate

exports.register = function () {
  gate = require('../../dist/plugin')
  gate.register(this)
}
exports.device_gate_init_master = (next, server) => gate.initMaster(next, server)
exports.device_gate_init_child = (next) => gate.initChild(next)
exports.device_gate_auth = (next, connection, params) => gate.auth(next, connection, params)
exports.device_gate_mail = (next, connection) => gate.mail(next, connection)
exports.device_gate_deny = (next, connection, params) => gate.deny(next, connection, params)
exports.shutdown = () => gate.shutdown()
