#!/usr/bin/env bash
# Runs the benchmarks of one group or of all, prints the table of figures and writes it to docs/benchmarks.md:
#   bench.sh [GROUP]...
# Environment: QUICK=1 rehearses with tiny counts and writes no document; PROFILE=DIR keeps CPU profiles there;
# MEDIAMTX=FILE is that peer's program; CAMERAS="10 50 100". Everything runs on 127.0.0.1.
set -eu
cd "$(dirname "$0")/.."
groups="disk micro journal panic fan live kill outage start history record"
all=$groups
[ $# -eq 0 ] || groups="$*"
for g in $groups; do
  case " $all " in *" $g "*) ;; *) echo "bench: there is no group $g; there are: $all" >&2; exit 2 ;; esac
done
out=.tools/bench/figures
[ -z "${QUICK:-}" ] || { out=.tools/bench/rehearsal; export SIAGA_BENCH_QUICK=1; }
mkdir -p "$out"
[ -z "${PROFILE:-}" ] || { mkdir -p "$PROFILE"; SIAGA_BENCH_PROFILE=$(cd "$PROFILE" && pwd); export SIAGA_BENCH_PROFILE; }
[ -z "${CAMERAS:-}" ] || export SIAGA_BENCH_CAMERAS=$CAMERAS
times=1x
n() { [ -z "${QUICK:-}" ] && echo "$1" || echo "$2"; } # a count, and that of the rehearsal

facts() {
  echo "# CPU: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)"
  echo "# cores: $(nproc)"
  echo "# memory: $(awk '/^MemTotal/ {printf "%.0f GiB", $2 / 1048576}' /proc/meminfo)"
  echo "# kernel: $(uname -sr)"
  echo "# file system: $(df --output=fstype "${TMPDIR:-/tmp}" | tail -1)"
  echo "# Go: $(go env GOVERSION)"
  echo "# ffmpeg: $(ffmpeg -version 2>/dev/null | awk 'NR == 1 {print $3}')"
  echo "# mosquitto: $(dpkg-query -W -f='${Version}' mosquitto 2>/dev/null || echo none)"
  echo "# Node: $(node --version 2>/dev/null || echo none), Node-RED $(node -p 'require("./.tools/nodered/node_modules/node-red/package.json").version' 2>/dev/null || echo none)"
  [ -z "${MEDIAMTX:-}" ] || echo "# MediaMTX: $("$MEDIAMTX" --version 2>&1 | head -1)"
  echo "# revision: $(git describe --always --dirty 2>/dev/null || echo unknown)"
  echo "# date: $(date -u +%Y-%m-%dT%H:%MZ)"
  echo "# command: make bench BENCH=$1"
  echo "# load: $(cut -d' ' -f1-3 /proc/loadavg)"
}

# bench PATTERN PACKAGE [TIMES] [COUNT]: one `go test -bench`; PROFILE takes its CPU profile too.
bench() {
  local prof=()
  [ -z "${PROFILE:-}" ] || prof=(-cpuprofile "$PROFILE/$group-$(echo "$1" | tr -cd 'A-Za-z0-9').prof" -o "$PROFILE/$(basename "$2").test")
  go test -tags sqlite_fts5 -run '^$' -bench "$1" -benchtime "${3:-$times}" -count "${4:-1}" -timeout 90m "${prof[@]}" "$2" || broken=1
}

# nodered installs the peer of the panic path; without npm or a registry its rows stay empty.
nodered() {
  [ -x .tools/nodered/node_modules/node-red/red.js ] && return
  command -v npm >/dev/null || { echo "bench: there is no npm; Node-RED's rows stay empty" >&2; return; }
  mkdir -p .tools/nodered
  npm install --prefix .tools/nodered --no-audit --no-fund --loglevel error node-red@4.1.15 node-red-node-sqlite@1.1.1 >&2 ||
    { echo "bench: npm could not install Node-RED; its rows stay empty" >&2; rm -rf .tools/nodered; }
}

# browser measures the live picture in Chromium with 1, 4 and 16 tiles.
browser() {
  local tiles
  for tiles in $(n "1 4 16" 1); do
    (cd dashboard && SIAGA_BIN=../bin/siaga ONLY=delay TILES=$tiles npm run --silent e2e 2>&1) | awk -v tiles="$tiles" '
      match($0, /delay p50 [0-9]+ ms, p95 [0-9]+ ms/) { split(substr($0, RSTART, RLENGTH), f, " "); p50 = f[3]; p95 = f[6] }
      match($0, /first picture [0-9]+ ms/) { split(substr($0, RSTART, RLENGTH), f, " "); first = f[3] }
      match($0, /load [0-9.]+/) { load = substr($0, RSTART + 5, RLENGTH - 5) }
      END { name = "Browser/tiles=" tiles
        if (p50 == "") { print "--- FAIL: Benchmark" name; exit }
        print "Benchmark" name " 1 " p50 " delay-p50-ms " p95 " delay-p95-ms " first " first-ms " load " load1" }'
  done
}

run() {
  case $1 in
  disk) bench '^BenchmarkDisk$' ./internal/bench ;;
  micro)
    bench . ./internal/seal "$(n 1s 10x)" "$(n 5 1)"
    bench '^Benchmark(Part|ReadBack|Verify|Seal_Segment)$' ./internal/record "$(n 1s 10x)" "$(n 5 1)"
    bench '^BenchmarkDepacketise$' ./devices/camera/rtsp "$(n 1s 10x)" "$(n 5 1)"
    bench . ./internal/rules "$(n 1s 10x)" "$(n 5 1)"
    bench '^BenchmarkBroadcast$' ./internal/hub "$(n 1s 10x)" "$(n 3 1)" ;;
  journal)
    bench '^BenchmarkAppend_' ./internal/journal "$(n 10s 200x)"
    bench '^BenchmarkPanic_' ./internal/incident "$(n 1000x 20x)"
    bench '^BenchmarkThroughMQTT$' ./internal/bench ;;
  panic) nodered; bench '^BenchmarkPanicPath$' ./internal/bench ;;
  fan) bench '^BenchmarkFan$|^BenchmarkSensors$' ./internal/bench; bench '^BenchmarkLive$' ./internal/web "$(n 500x 5x)" ;;
  live) bench '^BenchmarkFirstPicture$' ./internal/view "$(n 30x 3x)"; bench '^BenchmarkRelayDelay$' ./internal/view "$(n 150x 5x)"; browser ;;
  kill) bench '^BenchmarkKill9$' ./internal/bench ;;
  outage) bench '^BenchmarkOutage$' ./internal/bench ;;
  start) [ -n "${QUICK:-}" ] || bench '^BenchmarkSweep_500000$' ./internal/record ;;
  history) SIAGA_BENCH_EVENTS=$(n 5000000 20000) bench '^BenchmarkHistory$' ./internal/incident "$(n 200x 5x)" ;;
  record) bench '^BenchmarkRecording$' ./internal/bench ;;
  esac
}

failed=0
for group in $groups; do
  echo "bench: $group" >&2
  sync # what the group before has written is nobody's figure
  facts "$group" >"$out/$group.new"
  broken=0
  run "$group" >>"$out/$group.new" 2>"$out/$group.err" || broken=1
  [ "$broken" = 0 ] || { failed=1; echo "bench: group $group failed; see $out/$group.err and $out/$group.txt" >&2; }
  mv "$out/$group.new" "$out/$group.txt"
done
go run ./internal/bench/table $(for g in $all; do [ ! -f "$out/$g.txt" ] || echo "$out/$g.txt"; done) >"$out/benchmarks.md"
sed -n '/^| machine/,/^## Runs/p' "$out/benchmarks.md"
[ -n "${QUICK:-}" ] || { cp "$out/benchmarks.md" docs/benchmarks.md; echo "bench: written to docs/benchmarks.md" >&2; }
exit $failed
