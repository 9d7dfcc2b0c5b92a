#!/usr/bin/env bash
# Tests the agent with the oldest Dask that it supports, one of 2025 and the newest, and that an older one is refused with a sentence.
# Each version gets a virtual environment in .tools/dask-<version>, made from python/constraints/; the newest is .venv.
# Arguments are versions (2024.12 2025.5 newest 2023.12); DASK_TESTS="" runs the smoke test only.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

uv="$(scripts/setup-uv.sh)"
packages=('dask[array,dataframe]' distributed pyarrow bokeh httpx msgpack pytest pytest-timeout dask-jobqueue)
read -r -a tests <<<"${DASK_TESTS-tests/agent}"

# environment VERSION prints the interpreter of a version, after making what is missing.
environment() {
  local constraints="python/constraints/dask-$1.txt" home="$ROOT/.tools/dask-$1"
  if [ "$1" = newest ]; then
    echo "$ROOT/.venv/bin/python"
    return
  fi
  [ -f "$constraints" ] || die "there is no $constraints; known are: $(cd python/constraints && echo *)"
  if ! [ "$home/.stamp" -nt "$constraints" ]; then
    say "making .tools/dask-$1"
    "$uv" venv --quiet --clear --python "$ROOT/.venv/bin/python" "$home" >&2
    "$uv" pip install --quiet --python "$home/bin/python" --constraint "$constraints" "${packages[@]}" >&2
    touch "$home/.stamp"
  fi
  echo "$home/bin/python"
}

# check VERSION runs the tests and the smoke test with it.
check() {
  local python
  python="$(environment "$1")" || return
  export PYTHONPATH="$ROOT/python/src" PYTHONDONTWRITEBYTECODE=1
  if [ "$1" = 2023.12 ]; then
    (cd python && "$python" tests/versions/refused.py)
    return
  fi
  (cd python && "$python" tests/versions/smoke.py) || return
  [ "$1" = newest ] || (cd python && "$python" tests/versions/jobqueue.py) || return # .venv has no dask-jobqueue
  [ "${#tests[@]}" -eq 0 ] || (cd python && "$python" -m pytest -q -p no:cacheprovider -m 'not gpu' "${tests[@]}")
}

versions=("$@")
[ "${#versions[@]}" -gt 0 ] || versions=(2024.12 2025.5 newest 2023.12)
for version in "${versions[@]}"; do
  stage "Dask $version" check "$version"
done
finish_stages
