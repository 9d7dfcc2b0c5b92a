#!/usr/bin/env bash
# A server and, in front of it, the web UI with hot reload: dev.sh [SERVER ARGUMENT...]. Both end with the script.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

pids=()
stop() {
  trap - EXIT
  for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
  wait
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

bin/lineitem server "$@" &
pids+=($!)
(cd web && exec node_modules/.bin/vite) &
pids+=($!)
wait -n
