# Everything is done from here; `make help` lists it. Each part of the set-up is remembered by a stamp inside what it made,
# so it runs again only when its lock file changed or its folder is gone. The work itself is in scripts/.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

# The repository's Python and tools come before the machine's.
export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/.tools:$(CURDIR)/bin:$(PATH)

GO_STAMP     := .tools/.go-stamp
TOOLS_STAMP  := .tools/.tools-stamp
PYTHON_STAMP := .venv/.stamp
WEB_STAMP    := web/node_modules/.stamp
WEB_DIST     := web/dist/index.html
WEB_SOURCES  := $(shell find web -type f -not -path 'web/node_modules/*' -not -path 'web/dist/*' \
                  -not -path 'web/tests/*' -not -path 'web/test-results/*' -not -name '*.go' 2>/dev/null)

VERSION := $(shell git describe --always --dirty --tags 2>/dev/null || echo unknown)

.PHONY: help
help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- Use

.PHONY: run
run: setup-run build ## Install what is missing, build, run the demo and show its bill (ARGS="--once -o json")
	bin/lineitem demo $(ARGS)

.PHONY: dev
dev: setup-run build ## A server and the web UI with hot reload (ARGS= for the server)
	scripts/dev.sh $(ARGS)

.PHONY: build
build: $(GO_STAMP) $(WEB_DIST) ## Build the web UI and bin/lineitem
	CGO_ENABLED=1 go build -buildvcs=false -trimpath -ldflags "-s -w -X main.version=$(VERSION) $$(scripts/static-cxx.sh)" -o bin/lineitem ./cmd/lineitem

$(WEB_DIST): $(WEB_STAMP) $(WEB_SOURCES)
	npm --prefix web run --silent build
	@touch $@

# --- Check

.PHONY: test
test: setup-test build ## All tests: Go on SQLite and PostgreSQL, Python, web, browser (STAGES="go python web e2e")
	scripts/test.sh $(STAGES)

.PHONY: test-postgres
test-postgres: $(GO_STAMP) ## The store's tests on a private PostgreSQL
	CI=true scripts/with-postgres.sh go test -shuffle=on ./internal/store/...

.PHONY: truth
truth: $(PYTHON_STAMP) ## Programs with known seconds per line, a minute each and alone, within two points (ONLY="fused or native"); needs a quiet machine
	cd python && LINEITEM_TRUTH_SECONDS=60 python -m pytest -q tests/truth $(if $(ONLY),-k "$(ONLY)")

.PHONY: test-dask-versions
test-dask-versions: $(PYTHON_STAMP) ## The agent with the oldest Dask, one of 2025 and the newest; an older one is refused (VERSIONS="2024.12")
	scripts/test-dask-versions.sh $(VERSIONS)

.PHONY: e2e
e2e: setup-test build ## Only the browser tests
	scripts/test.sh e2e

.PHONY: check
check: setup-check ## Everything that is checked without running the product: lint, layers, types, formats, generated files
	scripts/check.sh $(STAGES)

.PHONY: lint
lint: setup-check ## Linters and type checkers only
	scripts/check.sh go-lint python-lint python-types web

.PHONY: bench
bench: setup-run build ## Run all benchmarks, or one (NAME=watched); results in bench/out/
	go run -buildvcs=false ./bench $(NAME)

# --- Change

.PHONY: fmt
fmt: setup-check ## Format all sources
	golangci-lint fmt
	cd python && ruff check --quiet --fix-only --select I . ../examples ../bench ../scripts && ruff format --quiet . ../examples ../bench ../scripts
	npm --prefix web run --silent fmt

.PHONY: gen
gen: setup-check ## Write the generated files again: SQL code, OpenAPI, TypeScript types
	scripts/gen.sh

.PHONY: lock
lock: ## Write python/requirements.lock again after a change in python/pyproject.toml
	scripts/lock-python.sh $(ARGS)

# --- Set up

.PHONY: setup
setup: setup-run setup-check setup-test ## Install everything that building, checking and testing need

.PHONY: setup-run setup-check setup-test setup-debian
setup-run: $(GO_STAMP) $(PYTHON_STAMP) $(WEB_STAMP)
setup-check: $(GO_STAMP) $(TOOLS_STAMP) $(PYTHON_STAMP) $(WEB_STAMP)
setup-test: $(GO_STAMP) $(PYTHON_STAMP) $(WEB_STAMP) setup-debian
setup-debian:
	@scripts/setup-debian.sh

$(GO_STAMP): go.mod go.sum scripts/setup-go.sh
	@scripts/setup-go.sh

$(TOOLS_STAMP): tools/go.mod tools/go.sum scripts/setup-tools.sh
	@scripts/setup-tools.sh

$(PYTHON_STAMP): python/requirements.lock python/pyproject.toml scripts/setup-python.sh
	@scripts/setup-python.sh

$(WEB_STAMP): web/package.json web/package-lock.json scripts/setup-web.sh
	@scripts/setup-web.sh

.PHONY: clean
clean: ## Remove what was built; the set-up stays (remove .tools, .venv and web/node_modules to have it made again)
	rm -rf bin bench/out web/test-results
	find web/dist -mindepth 1 -not -name .gitkeep -delete
	find python -name __pycache__ -type d -prune -exec rm -rf {} +
	rm -rf python/.mypy_cache python/.ruff_cache python/.pytest_cache
