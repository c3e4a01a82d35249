'use strict'

// Haraka copies these exports onto its plugin object and calls them with that object as `this`.
const gate = require('../../dist/plugin')

exports.register = function () {
  gate.register(this)
}
exports.device_gate_init_master = gate.initMaster
exports.device_gate_init_child = gate.initChild
exports.device_gate_auth = gate.auth
exports.device_gate_mail = gate.mail
exports.shutdown = function () {
  void gate.shutdown()
}
