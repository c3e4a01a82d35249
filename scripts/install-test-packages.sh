#!/usr/bin/env bash
# What the end-to-end tests need beside npm's packages. As root on Debian this installs what is missing;
# elsewhere it says what you need, and fails. With nothing missing it changes nothing.
set -euo pipefail

missing=()
need() { # package, then what of it must be there: programs of the PATH, or files
  local package=$1 program
  shift
  for program; do
    command -v "$program" >/dev/null || { missing+=("$package") && return; }
  done
}
check_version() {
  local version
  version=$(/usr/sbin/dovecot --version)
  [[ $version == 2.3.* ]] && return
  echo "The end-to-end tests configure Dovecot 2.3 (Debian 12 has it); this is $version." >&2
  exit 1
}
# The dovecot-core package alone has the program, but no IMAP.
need dovecot-imapd /usr/sbin/dovecot /usr/lib/dovecot/imap
# What stands in front of the gate in the tests of the PROXY protocol.
need haproxy /usr/sbin/haproxy
need curl curl
need openssl openssl
# An XML property list is held against a parser of somebody else.
need python3 python3
need redis-server redis-server
need prometheus prometheus promtool
# Its program reads a unit file; nothing of it has to run.
need systemd systemd-analyze
need chromium chromium
# The shells that completion is typed into; bash runs this script.
need zsh zsh
need fish fish
[ "${#missing[@]}" -eq 0 ] && check_version && exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "The end-to-end tests need: ${missing[*]} (names of Debian's packages). Install them, then run npm test again." >&2
  exit 1
fi
echo "Installing what the end-to-end tests need: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# No service of these packages shall start: the tests run their own, private ones.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
  trap 'rm -f "$policy"' EXIT
fi
apt-get install -y -qq --no-install-recommends "${missing[@]}"
check_version
