#!/usr/bin/env bash
# make fault: break what the site stands on, at full size, and print one table. Nothing but loopback and namespaces of
# its own is touched; the disk that fails is in memory. FAULT_OUT=FILE keeps the table.
set -u
tags=$1
table=$(mktemp)
old=$(mktemp -d)
trap 'rm -rf "$table" "$old"' EXIT
export SIAGA_FAULT=1 SIAGA_FAULT_TABLE=$table
export SIAGA_CUTS=${SIAGA_CUTS:-1000} SIAGA_CALLS=${SIAGA_CALLS:-10000} SIAGA_DISK_ROUNDS=${SIAGA_DISK_ROUNDS:-6}
export SIAGA_NTH=${SIAGA_NTH:-15} SIAGA_BROKER=${SIAGA_BROKER:-50} SIAGA_KILLS=${SIAGA_KILLS:-200}
failed=0
run() { # what, tests, package
	echo "== $1"
	go test -tags "$tags" -count=1 -timeout 120m -run "$2" -v "$3" | grep -E '^(---|\s+--- FAIL|ok|FAIL|panic)|_test\.go' | grep -v -- '--- PASS'
	if [ "${PIPESTATUS[0]}" -ne 0 ]; then
		failed=1
		printf '%s\t-\t-\t-\tFAILED\n' "$1" >>"$table"
	else
		printf '%s\t-\t-\t-\tpassed\n' "$1" >>"$table"
	fi
}
# previous builds the release before this one, whose data this program must take and give back.
previous() {
	local at
	at=$(cat .ci/previous-release)
	export SIAGA_PREVIOUS=$old/siaga
	mkdir "$old/src"
	if ! git archive "$at" | tar -x -C "$old/src" || ! (cd "$old/src" && go build -tags "$tags" -o "$SIAGA_PREVIOUS" ./cmd/siaga); then
		echo "the previous release ($at) cannot be built; a clone with its whole history is needed" >&2
	fi
}
run 'power cuts' 'PowerCut' ./internal/faults
run 'each file operation of the store, once' 'FileOperation' ./internal/faults
run 'a disk that fails, fills up and slows down' 'TestDisk_|TestProgram_' ./internal/faults
run 'each file operation of recording, once and for 20 s' 'BearsTheFailure|RecoversFromEvery|AFileGivenUp|FullDisk|SlowDisk' ./internal/record
run 'clock set back and forward: video' 'ClockSteps' ./internal/record
run 'clock set back and forward: events' 'OrderIsBy' ./internal/journal
run 'a worker that panics' 'Panic' ./internal/fleet
run 'brokers and cables' 'OutsideGoes|HalfOpen' ./internal/app
run 'damaged database, backup and restore' 'Damaged|Standby|Restore' ./internal/app
run 'kill -9 under load' 'Kill9' ./cmd/siaga
previous # leaves SIAGA_PREVIOUS
tags="$tags previous" run 'the previous release: up, back, up' 'PreviousRelease' ./cmd/siaga
{
	printf 'what\ttimes\tlost\tcorrupt\tworst\n'
	cat "$table"
} | column -t -s "$(printf '\t')" | tee ${FAULT_OUT:+"$FAULT_OUT"}
exit $failed
