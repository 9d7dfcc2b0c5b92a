# Sourced by the other scripts: the repository's root, messages, timing. Not run by itself.
# shellcheck shell=bash

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
export ROOT
cd "$ROOT" || exit 1

# The Python of the repository, the pinned tools and the built binary come first for everything that the scripts start.
export PATH="$ROOT/.venv/bin:$ROOT/.tools:$ROOT/bin:$PATH"

# A log is read as it is: no colours where nobody looks at a terminal.
if ! [ -t 1 ]; then export NO_COLOR=1; fi

# say prints one line of progress.
say() { printf '==> %s\n' "$*" >&2; }

# die says what is wrong and what to do, and ends the script.
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# have reports whether a program is there.
have() { command -v "$1" >/dev/null 2>&1; }

# in_ci reports whether this is the unattended run, where a missing part is a failure.
in_ci() { [ "${CI:-}" = true ]; }

# is_root reports whether apt can be used.
is_root() { [ "$(id -u)" -eq 0 ]; }

# stage NAME COMMAND... runs one stage of a longer run, prints its time, and remembers a failure instead of ending:
# one run shows everything that is wrong. finish_stages prints the table and returns the verdict.
STAGE_LINES=()
STAGE_FAILED=0
stage() {
  local name="$1" start status=0 verdict=ok
  shift
  say "$name"
  start=$SECONDS
  "$@" || status=$?
  if [ "$status" -ne 0 ]; then
    verdict="FAILED (exit status $status)"
    STAGE_FAILED=$((STAGE_FAILED + 1))
  fi
  STAGE_LINES+=("$(printf '%-24s %5ds  %s' "$name" "$((SECONDS - start))" "$verdict")")
  say "$name: $verdict in $((SECONDS - start))s"
}
finish_stages() {
  printf '\n'
  printf '%s\n' "${STAGE_LINES[@]}"
  printf '%-24s %5ds  %s\n' total "$SECONDS" "$([ "$STAGE_FAILED" -eq 0 ] && echo ok || echo "$STAGE_FAILED failed")"
  [ "$STAGE_FAILED" -eq 0 ]
}
