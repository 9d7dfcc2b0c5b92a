#!/usr/bin/env bash
# Fetches the Go modules of the product, and sees that there is a compiler for C and C++: DuckDB comes as a library to link with.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

have go || die "Go is missing: install the version in go.mod or newer"
have "${CC:-gcc}" && have "${CXX:-g++}" || scripts/apt.sh gcc g++ libc6-dev
say "fetching Go modules"
go mod download
mkdir -p .tools
touch .tools/.go-stamp
