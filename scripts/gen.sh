#!/usr/bin/env bash
# Writes the generated files again; they are committed. gen.sh --check writes them too, and fails if that changed any of
# them, or made one that is not there: the sources and what is generated from them are always committed together.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

generated=(internal/store/sqlcgen docs/reference/configuration.md sdk/openapi.json web/src/api/schema.d.ts)

generate() {
  say "SQL to Go: internal/store/sqlcgen"
  (cd internal/store && sqlc generate)
  say "options to their page: docs/reference/configuration.md"
  go run -buildvcs=false ./internal/config/configgen -o docs/reference/configuration.md
  say "Go to OpenAPI: sdk/openapi.json"
  go run -buildvcs=false ./internal/api/openapigen -o sdk/openapi.json
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
