#!/usr/bin/env bash
# Builds the pinned generators and checks of tools/go.mod into .tools/: sqlc and golangci-lint.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

say "building sqlc and golangci-lint (minutes the first time)"
# Without cgo: no C compiler is needed, and sqlc parses with the WebAssembly build of PostgreSQL's parser.
CGO_ENABLED=0 GOBIN="$ROOT/.tools" go -C tools install -buildvcs=false -trimpath -ldflags='-s -w' tool 2> >(grep -v '^go: downloading' >&2)
touch .tools/.tools-stamp
