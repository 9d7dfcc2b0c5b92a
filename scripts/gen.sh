#!/usr/bin/env bash
# Writes the generated files again; they are committed. gen.sh --check writes them too, and fails if that changed any of
# them, or made one that is not there: the sources and what is generated from them are always committed together.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

generated=(internal/store/sqlcgen sdk/openapi.json web/src/api/schema.d.ts)

generate() {
  say "SQL to Go: internal/store/sqlcgen"
  (cd internal/store && sqlc generate)
  say "Go to OpenAPI: sdk/openapi.json"
  # Through a file: a generator that fails must not leave half a contract behind.
  local spec
  spec="$(mktemp)"
  go run -buildvcs=false ./internal/api/openapigen >"$spec"
  cat "$spec" >sdk/openapi.json
  rm -f "$spec"
  say "OpenAPI to TypeScript: web/src/api/schema.d.ts"
  npm --prefix web run --silent gen
}

case "${1:-}" in
  "")
    generate
    ;;
  --check)
    before="$(mktemp -d)"
    trap 'rm -rf "$before"' EXIT
    for path in "${generated[@]}"; do
      [ -e "$path" ] || continue
      mkdir -p "$before/$(dirname "$path")"
      cp -r "$path" "$before/$path"
    done
    generate
    changed=0
    for path in "${generated[@]}"; do
      diff -ruN "$before/$path" "$path" || changed=1
    done
    [ "$changed" -eq 0 ] || die "the generated files above were not current. They are now: commit them with their sources."
    untracked="$(git ls-files --others --exclude-standard -- "${generated[@]}" 2>/dev/null || true)"
    [ -z "$untracked" ] || die "these generated files are not committed: $untracked"
    ;;
  *)
    die "usage: gen.sh [--check]"
    ;;
esac
