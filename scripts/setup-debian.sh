#!/usr/bin/env bash
# Sees that the few Debian packages we need are there: PostgreSQL's server for the store's tests, Chromium and a font for
# the browser tests. Nothing is installed that is present in another way.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

missing=()
scripts/postgres-bindir.sh >/dev/null || missing+=(postgresql)
have chromium || have chromium-browser || have google-chrome || [ -n "${CHROMIUM:-}" ] || missing+=(chromium fonts-dejavu-core)
if [ "${#missing[@]}" -gt 0 ]; then scripts/apt.sh "${missing[@]}"; fi
