#!/usr/bin/env bash
# Writes python/requirements.lock from python/pyproject.toml: every platform, every Python from 3.10, with hashes, without
# the address of any index. Versions already locked stay; give --upgrade, or --upgrade-package NAME, to move them.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

uv="$(scripts/setup-uv.sh)"
cd python
"$uv" pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-header --group dev pyproject.toml \
  --output-file requirements.lock "$@"
