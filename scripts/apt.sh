#!/usr/bin/env bash
# Installs Debian packages, and only where nothing else serves: apt.sh NAME... Without root it says what to install and fails.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

have apt-get || die "this machine has no apt-get: install these packages (Debian's names) by hand: $*"
is_root || die "these Debian packages are missing and installing them needs root. Run: sudo apt-get update && sudo apt-get install --no-install-recommends $*"

# One at a time: parts of the set-up run side by side, and apt-get refuses to.
exec 9>"${TMPDIR:-/tmp}/lineitem-apt.lock"
flock 9

export DEBIAN_FRONTEND=noninteractive
say "installing from Debian: $*"
apt-get update -qq </dev/null
# Keep PostgreSQL's package from creating and starting a server of its own: ours are private and short-lived.
for package in "$@"; do
  if [ "$package" = postgresql ]; then
    apt-get install -qq -y --no-install-recommends postgresql-common </dev/null >/dev/null
    conf=/etc/postgresql-common/createcluster.conf
    if [ -f "$conf" ] && ! grep -q '^create_main_cluster' "$conf"; then
      echo 'create_main_cluster = false' >>"$conf"
    fi
  fi
done
apt-get install -qq -y --no-install-recommends "$@" </dev/null >/dev/null
