#!/usr/bin/env bash
# Fetches the Go modules of the product.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

have go || die "Go is missing: install the version in go.mod or newer"
say "fetching Go modules"
go mod download
mkdir -p .tools
touch .tools/.go-stamp
