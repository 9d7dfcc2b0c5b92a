#!/usr/bin/env bash
# Installs the locked npm packages of the web UI.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

have npm || die "npm is missing: install Node.js 20 or newer"
say "installing the locked npm packages"
npm --prefix web ci --no-fund --no-audit --loglevel=error
touch web/node_modules/.stamp
