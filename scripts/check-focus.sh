#!/usr/bin/env bash
# Shows a FOCUS file to the FinOps Foundation's own validator. Without arguments that is the file that a test pins; with one, any other, such as one saved
# from a server. The validator comes from the Python registry into a temporary environment, so this is no part of the usual checks.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

file="$(realpath "${1:-internal/export/testdata/focus.csv}")"
have uv || die "uv is missing: it makes the validator's environment"

# What our rows say of a provider: the validator checks the columns that go with each.
criteria=ACCOUNT_NAMING_SUPPORTED,USAGE_MEASUREMENT_SUPPORTED,SUB_ACCOUNT_SUPPORTED,BILLING_BASED_ON_PROVISIONED_RESOURCES_SUPPORTED
criteria+=,RESOURCE_TYPE_ASSIGNMENT_SUPPORTED,TAGGING_SUPPORTED

tree="$(mktemp -d)"
trap 'rm -rf "$tree"' EXIT
uv venv --quiet --python "${PYTHON:-3.12}" "$tree/venv" # PYTHON names one, where uv finds none
# Newer versions of pyarrow need a newer NumPy than the validator takes.
VIRTUAL_ENV="$tree/venv" uv pip install --quiet "focus-validator==2.2.1" "pyarrow<21"
# It looks for its table of currencies below the folder that it is started in.
cd "$("$tree/venv/bin/python" -c 'import pathlib, focus_validator; print(pathlib.Path(focus_validator.__file__).parent.parent)')"
"$tree/venv/bin/focus-validator" --data-file "$file" --validate-version 1.2 --focus-dataset CostAndUsage --block-download \
  --applicability-criteria "$criteria" --show-violations >"$tree/report" 2>&1 || { cat "$tree/report" >&2; die "the validator could not read the file"; }
# It ends well whatever it found. One failure is expected: an invoice's id is null where there is no invoice (InvoiceId-C-004-C, passed) or is not where there
# is one (InvoiceId-C-005-C, failed). One of the two must pass (InvoiceId-C-003-C), and of no row here there is an invoice.
expected=InvoiceId-C-005-C
if grep ': FAIL' "$tree/report" | grep -qv " $expected: FAIL"; then
  sed -n '/: FAIL/p; /--- Failures ---/,$p' "$tree/report" >&2
  die "the file breaks rules of FOCUS 1.2"
fi
passed="$(grep -c ': PASS' "$tree/report" || true)"
[ "$passed" -gt 100 ] || { tail -n 40 "$tree/report" >&2; die "only $passed rules were checked: the report is not what this script knows"; }
say "FOCUS 1.2: $passed rules passed, $(grep -c ': SKIP' "$tree/report" || true) do not apply or cannot be checked by a program, none failed but $expected, as it should"
