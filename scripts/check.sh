#!/usr/bin/env bash
# Checks everything that can be checked without running the product: check.sh [STAGE...], all stages without a name.
# Every stage runs even if one before it failed. `make check` sets up first.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

check_go_format() { golangci-lint fmt --diff; }
check_go_lint() { golangci-lint run --allow-parallel-runners --timeout 15m; }
check_go_layers() { scripts/check-layers.sh; }
check_go_tidy() { go mod tidy -diff; }
check_python_format() { (cd python && ruff format --check . ../examples ../bench ../scripts); }
check_python_lint() { (cd python && ruff check --output-format concise . ../examples ../bench ../scripts); }
check_python_types() { (cd python && mypy); }
check_web() { npm --prefix web run --silent check; }
check_generated() { scripts/gen.sh --check; }
check_files() { scripts/check-files.sh; }
check_scripts() {
  local status=0 file
  while IFS= read -r file; do
    bash -n "$file" || status=1
  done < <(git ls-files 'scripts/*.sh' .ci/run)
  if have shellcheck; then git ls-files -z 'scripts/*.sh' .ci/run | xargs -0 shellcheck -x || status=1; fi
  return "$status"
}

all=(scripts files go-format go-lint go-layers go-tidy python-format python-lint python-types web generated)
stages=("$@")
[ "${#stages[@]}" -gt 0 ] || stages=("${all[@]}")
for name in "${stages[@]}"; do
  declare -F "check_${name//-/_}" >/dev/null || die "there is no check stage $name: choose from ${all[*]}"
  stage "check $name" "check_${name//-/_}"
done
finish_stages
