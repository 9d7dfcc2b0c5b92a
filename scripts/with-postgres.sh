#!/usr/bin/env bash
# Runs a command with a private PostgreSQL: with-postgres.sh COMMAND [ARGUMENT...]
#
# The server lives in a temporary folder, listens on a free port of the loopback interface only, does not sync to disk,
# and is gone with its folder when the command ends, however it ends. The command finds it in LINEITEM_TEST_POSTGRES, an
# address whose user may create databases. If that variable is set already, the command runs with what it says.
# Where PostgreSQL is missing, the command runs without it and says so; with CI=true that is a failure.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

[ "$#" -gt 0 ] || die "usage: with-postgres.sh COMMAND [ARGUMENT...]"
if [ -n "${LINEITEM_TEST_POSTGRES:-}" ]; then exec "$@"; fi

if ! bindir="$(scripts/postgres-bindir.sh)"; then
  if in_ci; then die "PostgreSQL is missing, and with CI=true its tests may not be left out. Run: make setup"; fi
  say "PostgreSQL is missing: the store is tested on SQLite only. make setup installs it (as root), or set LINEITEM_TEST_POSTGRES."
  exec "$@"
fi

# Not under $TMPDIR: the folder must be reachable for another user, and a socket path is at most 107 characters long.
dir="$(mktemp -d /tmp/lineitem-pg.XXXXXX)"
server_pid=""
command_pid=""
stop() {
  local status=$?
  trap - EXIT INT TERM HUP
  if [ -n "$command_pid" ]; then
    kill -TERM "$command_pid" 2>/dev/null || true
    wait "$command_pid" 2>/dev/null || true
  fi
  stop_server
  rm -rf "$dir"
  exit "$status"
}
stop_server() {
  [ -n "$server_pid" ] || return 0
  kill -QUIT "$server_pid" 2>/dev/null || true # "immediate": nothing here is worth a checkpoint
  wait "$server_pid" 2>/dev/null || true
  server_pid=""
}
trap stop EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# fail shows what PostgreSQL said before it ends the script.
fail() {
  cat "$dir/log" >&2
  die "$1: see above"
}

# The server refuses to run as root: it gets a user without rights, by number, so that none has to be created. And it
# ends with this script even when that is killed.
as_user=()
have setpriv && as_user=(setpriv --pdeathsig QUIT)
if is_root; then
  have setpriv || die "setpriv (Debian's package util-linux) is missing: as root it is needed to start PostgreSQL, which refuses to run as root"
  uid=65534
  as_user+=("--reuid=$uid" "--regid=$uid" --clear-groups)
  chown "$uid:$uid" "$dir"
fi
touch "$dir/log"
cd "$dir" # one that the other user may enter
export LC_ALL=C.UTF-8

"${as_user[@]}" "$bindir/initdb" -D "$dir/data" -U test -A trust -E UTF8 --no-sync --no-instructions >>"$dir/log" 2>&1 ||
  fail "initdb failed"

# ready starts the server on a port and reports whether it came up.
ready() {
  "${as_user[@]}" "$bindir/postgres" -D "$dir/data" -k "$dir" -p "$1" \
    -c listen_addresses=127.0.0.1 -c max_connections=200 -c shared_buffers=64MB \
    -c fsync=off -c synchronous_commit=off -c full_page_writes=off </dev/null >>"$dir/log" 2>&1 &
  server_pid=$!
  local deadline=$((SECONDS + 60))
  while kill -0 "$server_pid" 2>/dev/null && [ "$SECONDS" -lt "$deadline" ]; do
    if "$bindir/pg_isready" -q -h 127.0.0.1 -p "$1" -U test; then return 0; fi
    sleep 0.05
  done
  stop_server
  return 1
}
# The kernel names a free port; another program may take it before the server does, so ask more than once.
for _ in 1 2 3 4 5; do
  port="$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
  ready "$port" && break
done
[ -n "$server_pid" ] || fail "PostgreSQL did not start"
cd "$ROOT"

export LINEITEM_TEST_POSTGRES="postgres://test@127.0.0.1:$port/postgres?sslmode=disable"
# In the background and waited for, so that a signal to this script is acted on at once.
"$@" <&0 &
command_pid=$!
status=0
wait "$command_pid" || status=$?
command_pid=""
exit "$status"
