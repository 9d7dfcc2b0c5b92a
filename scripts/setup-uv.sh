#!/usr/bin/env bash
# Prints the path of uv: the one on PATH, or a private one that this script installs into .tools/uv.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

uv_version=0.13.9

if have uv && uv --version >/dev/null 2>&1; then
  command -v uv
  exit
fi
private="$ROOT/.tools/uv"
if ! [ -x "$private/bin/uv" ]; then
  have python3 || die "python3 is missing: install Python 3.10 or newer"
  say "installing uv $uv_version into .tools/uv"
  if ! python3 -m venv "$private" >/dev/null 2>&1; then
    rm -rf "$private"
    scripts/apt.sh python3-venv >&2 # Debian ships venv's pip apart
    python3 -m venv "$private"
  fi
  "$private/bin/pip" install --quiet --disable-pip-version-check "uv==$uv_version" >&2
fi
echo "$private/bin/uv"
