#!/usr/bin/env bash
# Runs every fuzz target of the module for a while: fuzz.sh 30s
set -eu
time=${1:-30s}
go list -tags sqlite_fts5 ./... | while read -r pkg; do
  dir=$(go list -tags sqlite_fts5 -f '{{.Dir}}' "$pkg")
  grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$dir"/*_test.go 2>/dev/null | cut -d' ' -f2 | sort -u | while read -r target; do
    echo "== $pkg $target"
    go test -tags sqlite_fts5 -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 10x "$pkg" </dev/null
  done
done
