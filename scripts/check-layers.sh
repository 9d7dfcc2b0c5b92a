#!/usr/bin/env bash
# Proves that the import rules of .golangci.yaml do what they say. In a temporary module with our package names and nothing
# in them, it plants one import a file: each wrong one must be reported in its file, each right one must not. Then it looks
# that every package of the real tree is one the rules know.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

module=github.com/lineitem/lineitem

# Every package that has a place in the layers, one a line; a new one is added here and in .golangci.yaml.
packages='
cmd/lineitem
sdk
internal/core
internal/core/errs
internal/core/cost
internal/store
internal/store/sqlcgen
internal/backend
internal/backend/backendtest
internal/backend/fake
internal/backend/local
internal/controller
internal/api
internal/api/openapigen
internal/export
internal/ingest
internal/pki
internal/config
internal/config/configgen
internal/app
examples
web
internal/servertest
internal/housekeeping
internal/warehouse
internal/cli
internal/dask
internal/dask/msgpack
internal/dask/dasktest
internal/watch
'

# verdict, importing package (or file), what it imports: a package of ours from its folder, any other by its path.
imports='
wrong internal/core/errs            internal/store
wrong internal/core/errs            internal/backend
wrong internal/core/cost            internal/api
wrong internal/core/cost            sdk
wrong internal/core/cost            database/sql
wrong internal/core/cost            net/http
wrong internal/core/cost            os/exec
wrong internal/core/cost            log/slog
wrong internal/core/cost            golang.org/x/sync/errgroup
right internal/core/cost            internal/core/errs
right internal/core/cost            encoding/json
right internal/core/cost            github.com/aquasecurity/go-pep440-version
wrong sdk                           internal/core/errs
wrong sdk                           internal/api
wrong sdk                           golang.org/x/sync/errgroup
right sdk                           net/http
wrong internal/cli                  internal/core/errs
wrong internal/cli                  internal/store
wrong internal/cli                  internal/app
wrong internal/cli                  internal/backend/local
wrong internal/cli                  internal/dask
wrong internal/cli                  internal/watch
right internal/cli/watch.go         internal/dask
right internal/cli/watch.go         internal/watch
right internal/cli/watch.go         sdk
wrong internal/cli/watch.go         internal/core/errs
wrong internal/cli/watch.go         internal/app
wrong internal/dask                 internal/core/errs
wrong internal/dask                 sdk
wrong internal/dask                 golang.org/x/sync/errgroup
right internal/dask                 internal/dask/msgpack
wrong internal/watch                internal/core/errs
wrong internal/watch                sdk
wrong internal/watch                net/http
right internal/watch                internal/dask
right internal/watch                internal/dask/msgpack
right internal/dask/dasktest        os/exec
right internal/cli                  sdk
right internal/cli/server.go        internal/app
right internal/cli/demo.go          internal/app
wrong internal/cli/server.go        internal/store
wrong internal/cli/demo.go          internal/core/cost
right internal/cli/server.go        internal/config
right internal/config               internal/core/cost
wrong internal/config               internal/app
wrong internal/config               internal/store
wrong examples                      internal/cli
right internal/cli/demo.go          examples
right internal/core/cost/costtest   golang.org/x/sync/errgroup
right internal/config/configgen     internal/config
wrong web                           internal/api
right web                           embed
wrong cmd/lineitem                  internal/app
wrong cmd/lineitem                  internal/store
right cmd/lineitem                  internal/cli
wrong internal/api                  internal/ingest
wrong internal/api                  internal/store
wrong internal/api                  internal/controller
wrong internal/api                  internal/backend
wrong internal/api                  internal/app
wrong internal/api                  database/sql
right internal/api                  internal/core/errs
right internal/api                  sdk
right internal/api/openapigen       internal/api
right internal/api                  internal/export
wrong internal/export               internal/api
wrong internal/export               internal/store
wrong internal/export               sdk
wrong internal/export               net/http
right internal/export               internal/core/cost
right internal/export               github.com/google/pprof/profile
wrong internal/ingest               internal/api
wrong internal/ingest               internal/export
wrong internal/ingest               internal/store
wrong internal/ingest               sdk
right internal/ingest               internal/core/cost
wrong internal/pki                  internal/backend/local
wrong internal/pki                  internal/app
wrong internal/store                internal/api
wrong internal/store                internal/app
wrong internal/store                sdk
right internal/store                internal/core/cost
right internal/store                database/sql
right internal/store                internal/store/sqlcgen
wrong internal/warehouse            internal/store
wrong internal/warehouse            internal/api
wrong internal/warehouse            net/http
wrong internal/warehouse            github.com/jackc/pgx/v5
right internal/warehouse            internal/core/cost
right internal/warehouse            database/sql
right internal/warehouse            github.com/duckdb/duckdb-go/v2
wrong internal/store                github.com/duckdb/duckdb-go/v2
wrong internal/core/cost            internal/warehouse
right internal/app                  internal/warehouse
wrong internal/backend              internal/backend/local
wrong internal/backend              internal/store
wrong internal/backend/local        internal/backend/fake
wrong internal/backend/local        internal/pki
wrong internal/backend/local        internal/store
right internal/backend/local        internal/backend
wrong internal/backend/fake         internal/backend/local
wrong internal/backend/backendtest  internal/backend/fake
right internal/backend/backendtest  internal/backend
wrong internal/controller           internal/store
wrong internal/controller           internal/api
wrong internal/controller           internal/app
wrong internal/controller           internal/backend/local
wrong internal/controller           sdk
wrong internal/controller           github.com/jackc/pgx/v5
right internal/controller           internal/backend
right internal/controller           internal/core/cost
right internal/app                  internal/store
right internal/app                  internal/backend/local
right internal/app                  internal/controller
right internal/app                  internal/api
wrong internal/app                  database/sql
wrong internal/app                  github.com/stretchr/testify
right internal/servertest           internal/app
right internal/servertest           internal/store
'

# verdict, package, an expression: what forbidigo has to say.
calls='
wrong internal/core/cost   time.Now()
right internal/controller  time.Now()
wrong internal/controller  time.Sleep(1)
wrong internal/core/cost   time.Sleep(1)
wrong internal/api         context.Background()
right internal/app         context.Background()
right cmd/lineitem         context.Background()
wrong internal/cli         fmt.Println()
right internal/cli         fmt.Sprintln()
'

tree="$(mktemp -d)"
trap 'rm -rf "$tree"' EXIT
cp .golangci.yaml "$tree/"
cd "$tree"

# What is imported: packages with nothing in them, ours and, through replace, other people's.
stub() {
  mkdir -p "$1"
  printf '// Package p is empty.\npackage p\n' >"$1/doc.go"
}
for package in $packages; do stub "$package"; done
printf 'module %s\n\ngo 1.26\n' "$module" >go.mod
others="$(awk 'NF == 3 && $3 ~ /\./ { print $3 }' <<<"$imports" | grep -E '^[^/]+\.[^/]+/' | sort -u)"
for other in $others; do
  root="$(cut -d/ -f1-3 <<<"$other")"
  if [[ "$other" =~ ^[^/]+/[^/]+/[^/]+/v[0-9]+$ ]]; then root="$other"; fi
  stub "others/$other"
  printf 'module %s\n\ngo 1.26\n' "$root" >"others/$root/go.mod"
  version="$([[ "$root" =~ /v([0-9]+)$ ]] && echo "v${BASH_REMATCH[1]}.0.0" || echo v0.0.0)"
  printf 'require %s %s\nreplace %s => ./others/%s\n' "$root" "$version" "$root" "$root" >>go.mod
done

# Each plant is a folder of its own, so that imports never form a circle; the rules go by the end of a path.
number=0
: >wrong
: >right
while read -r verdict from import; do
  [ -n "$verdict" ] || continue
  number=$((number + 1))
  case "$from" in *.go) file="p$number/$from" ;; *) file="p$number/$from/planted.go" ;; esac
  case " ${packages//$'\n'/ } " in *" $import "*) import="$module/$import" ;; esac
  mkdir -p "$(dirname "$file")"
  printf '// Package p is planted.\npackage p\n\nimport _ "%s"\n' "$import" >"$file"
  echo "$file" >>"$verdict"
done <<<"$imports"
while read -r verdict from call; do
  [ -n "$verdict" ] || continue
  number=$((number + 1))
  file="$from/planted$number.go"
  printf 'package p\n\nimport "%s"\n\nfunc planted%d() { %s }\n' "${call%%.*}" "$number" "$call" >"$file"
  echo "$file" >>"$verdict"
done <<<"$calls"

golangci-lint run --allow-parallel-runners --enable-only depguard,forbidigo --output.text.print-issued-lines=false >found 2>problems || true
if grep -q typecheck found || [ -s problems ]; then
  cat found problems >&2
  die "the planted tree does not compile: this check says nothing then"
fi
status=0
explain() { printf '%s: %s\n' "$1" "$(tail -n +3 "$1" | tr -s '\n' ' ')" >&2; }
while read -r file; do
  grep -qE "^$file:[0-9:]+ .*\((depguard|forbidigo)\)$" found || { echo "planted, wrong, and not reported:" >&2; explain "$file"; status=1; }
done <wrong
while read -r file; do
  if grep -qE "^$file:" found; then echo "planted, right, and reported:" >&2; explain "$file"; grep -E "^$file:" found >&2; status=1; fi
done <right
cd "$ROOT"

# A package that no rule knows would be free to import anything.
for folder in cmd/* sdk web examples internal/* internal/backend/*; do
  [ -n "$(find "$folder" -maxdepth 1 -name '*.go' -print -quit 2>/dev/null)" ] && [ -d "$folder" ] || continue
  case "$packages" in
    *"
$folder
"*) ;;
    *)
      echo "$folder has no place in the layers: give it a rule in .golangci.yaml and a line in scripts/check-layers.sh" >&2
      status=1
      ;;
  esac
done
[ "$status" -eq 0 ] || die "the import rules and the tree disagree"
say "$(wc -l <"$tree/wrong") wrong plants reported, $(wc -l <"$tree/right") right ones not"
