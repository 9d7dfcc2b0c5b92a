#!/usr/bin/env bash
# Prints the linker's flags that put C++'s library into the program, so that it runs where no compiler is installed: DuckDB is C++. The
# module that brings DuckDB asks for the shared library by name; a folder in which only the static one lies is found first.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

library="$("${CXX:-g++}" -print-file-name=libstdc++.a)"
[ -f "$library" ] || die "the static library of C++ (libstdc++.a) is missing: on Debian it comes with the package g++"
folder="$ROOT/bin/.cxx"
mkdir -p "$folder"
ln -sfn "$library" "$folder/libstdc++.a"
printf -- "-linkmode=external -extldflags '-static-libgcc -L%s'" "$folder"
