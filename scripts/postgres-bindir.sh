#!/usr/bin/env bash
# Prints the folder with PostgreSQL's server programs (Debian keeps them out of PATH), or fails.
set -euo pipefail

for dir in "$(pg_config --bindir 2>/dev/null || true)" /usr/lib/postgresql/*/bin /usr/local/pgsql/bin; do
  if [ -n "$dir" ] && [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ]; then found="$dir"; fi
done
if [ -z "${found:-}" ] && program="$(command -v initdb)"; then found="$(dirname "$(readlink -f "$program")")"; fi
[ -n "${found:-}" ] && echo "$found"
