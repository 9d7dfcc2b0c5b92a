#!/usr/bin/env bash
# Makes .venv exactly what python/requirements.lock says, with our own package installed editable.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

uv="$(scripts/setup-uv.sh)"
if ! [ -x .venv/bin/python ]; then
  python="$(command -v python3)" || die "python3 is missing: install Python 3.10 or newer"
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    die "$("$python" --version) is too old: Lineitem needs Python 3.10 or newer as python3"
  "$uv" venv --quiet --python "$python" .venv
fi
say "installing the locked Python packages"
# Compiled once here, or every process of every cluster compiles Dask again where PYTHONDONTWRITEBYTECODE is set.
"$uv" pip sync --quiet --compile-bytecode --python .venv/bin/python --require-hashes python/requirements.lock
# The build back end is in the lock too: without isolation nothing unpinned is fetched to build an editable install.
"$uv" pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable python
touch .venv/.stamp
