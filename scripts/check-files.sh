#!/usr/bin/env bash
# What must not be in the tree, whatever the language. Looks at tracked files, and at new ones that git does not ignore.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

status=0
# report TITLE < LINES prints the lines under the title, if there are any, and remembers that there were.
report() {
  local lines
  lines="$(cat)"
  [ -n "$lines" ] || return 0
  printf '%s\n%s\n' "$1" "$lines" >&2
  status=1
}

# search PATTERN PATHSPEC... prints the matching lines of text files. A letter in brackets in each pattern keeps this
# script from finding itself.
search() {
  local pattern="$1"
  shift
  git grep --untracked -nIE "$pattern" -- "$@" | cut -c1-200 || true
}

# sources lists files by pathspec that are there, tracked or new.
sources() { git ls-files -z --cached --others --exclude-standard -- "$@" | xargs -0 -r sh -c 'for f; do [ -f "$f" ] && printf "%s\n" "$f"; done' sh; }

report "paths of one machine:" < <(search '(^|[^a-zA-Z0-9_.-])/([w]ork|[f]arm|[r]oot)/' . ':!*.sum')
report "hosts of package registries; tools know their own:" < <(
  search '[p]roxy\.golang\.org|[r]egistry\.npmjs\.org|[f]iles\.pythonhosted\.org|[p]ypi\.org/simple|[d]eb\.debian\.org' . ':!*.sum'
)
report "left unfinished:" < <(search '\b([T]ODO|[F]IXME|[X]XX|[H]ACK)\b' . ':!*.lock' ':!*lock.json' ':!*.sum')
report "tests that are left out; a missing part is a failure:" < <(
  search '\bt\.[S]kip(f|Now)?\(|pytest\.([m]ark\.)?(skip|xfail)|\b(it|test|describe)\.[s]kip\b' '*.go' '*.py' '*.ts' '*.tsx' |
    grep -Ev 'skipif\((not )?(sys\.platform|may_have_gpus)' || true # what only one system or a GPU has can only be tested there
)
report "conflict markers:" < <(search '^(<{7}|>{7}) ' .)
report "files over 1 MB:" < <(sources . | xargs -r -d '\n' stat -c '%s %n' | awk '$1 > 1048576')
report "hand-written files over 700 lines; split them by what they are about:" < <(
  sources '*.go' '*.py' '*.ts' '*.tsx' '*.css' '*.sh' ':!internal/store/sqlcgen' ':!web/src/api/schema.d.ts' |
    xargs -r -d '\n' wc -l | awk '$2 != "total" && $1 > 700'
)
report "scripts that cannot be run:" < <(
  sources 'scripts/*.sh' .ci/run | while IFS= read -r file; do
    if head -c 2 "$file" | grep -q '^#!' && ! [ -x "$file" ]; then echo "$file: chmod +x"; fi
  done
)
report "links to files that are not there:" < <(sources '*.md' | python3 scripts/check-links.py)

[ "$status" -eq 0 ] || die "the tree holds what it should not: see above"
