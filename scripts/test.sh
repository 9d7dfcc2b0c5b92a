#!/usr/bin/env bash
# Runs the tests: test.sh [STAGE...], all of them without a name. Every stage runs even if one before it failed, prints
# what its test runner prints, and its time; the exit status tells whether all passed. `make test` sets up and builds first.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# packages lists the Go packages that match, one a line: packages PATTERN keeps them, packages -v PATTERN leaves them out.
packages() { go list ./... | grep -E "$@" || true; }

# The SQLite driver is C translated to Go: under the race detector the store's tests would take most of the whole run's
# time, and what they could find there is in the packages above, which are run with it. The console's workers have a bound
# on memory that the detector's own would exceed.
without_race='/internal/store(/|$)|/internal/warehouse/console(/|$)|/bench(/|$)'

test_go() {
  local race=(-race) status=0
  if ! have "${CC:-gcc}"; then
    if in_ci; then die "a C compiler is missing: the race detector needs one, and with CI=true it may not be left out"; fi
    say "no C compiler: testing without the race detector"
    race=()
  fi
  # shellcheck disable=SC2046 # one package a word
  scripts/with-postgres.sh go test -shuffle=on -timeout 10m $(packages "$without_race") || status=1
  # shellcheck disable=SC2046
  scripts/with-postgres.sh go test "${race[@]}" -shuffle=on -timeout 10m $(packages -v "$without_race|/e2e(/|\$)") || status=1
  return "$status"
}

test_python() { (cd python && python -m pytest -q --durations=10); }

test_web() { npm --prefix web run --silent test; }

test_e2e() {
  local end_to_end status=0
  end_to_end="$(packages '/e2e(/|$)')"
  if [ -n "$end_to_end" ]; then
    # shellcheck disable=SC2086 # one package a word
    go test -count=1 -timeout 10m $end_to_end || status=1
  fi
  npm --prefix web run --silent e2e || status=1
  return "$status"
}

stages=("$@")
[ "${#stages[@]}" -gt 0 ] || stages=(go python web e2e)
for name in "${stages[@]}"; do
  case "$name" in
    go | python | web | e2e) stage "test $name" "test_$name" ;;
    *) die "there is no test stage $name: choose from go, python, web, e2e" ;;
  esac
done
finish_stages
