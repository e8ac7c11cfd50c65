#!/bin/sh
# run.sh SECONDS [TARGET...]: lets each fuzz target search for so many seconds, and fails if one finds an input that breaks a property.
#
# The programs are built with cargo alone, on the stable toolchain: libFuzzer comes with the crate `libfuzzer-sys`, and what it needs from the
# compiler (LLVM's SanitizerCoverage pass) is reached with stable flags, the ones that cargo-fuzz sets. Without a nightly toolchain there is no
# AddressSanitizer; our code has no `unsafe` for it to watch, and the targets count allocations themselves.
set -eu
cd "$(dirname "$0")"

seconds=$1
shift
all=$(ls targets | sed 's/\.rs$//')
targets=${*:-$all}
host=$(rustc -vV | sed -n 's/^host: //p')
built=${CARGO_TARGET_DIR:-../../target}/fuzz
# What earlier searches found is where the next one begins. A planted bug must not profit from it.
found=$built/found
if [ -n "${REJOIN_PLANTED_BUG:-}" ]; then
    found=$(mktemp -d)
    trap 'rm -r "$found"' EXIT
fi
crashes=$built/crashes
mkdir -p "$crashes"

export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Cllvm-args=-simplifycfg-branch-fold-threshold=0"
# With --target the flags leave build scripts alone.
cargo build --locked --release --target "$host" --target-dir "$built" --bins

# A task of the gateway has 2 MiB of stack, so a search has no more.
ulimit -s 2048

log=$built/log
executions=0
broken=0
for target in $targets; do
    mkdir -p "$found/$target"
    rm -f "$crashes/$target-"*
    status=0
    "$built/$host/release/$target" "$found/$target" "corpus/$target" -max_total_time="$seconds" -max_len=4096 -timeout=10 \
        -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$crashes/$target-" >"$log" 2>&1 || status=$?
    count=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    executions=$((executions + ${count:-0}))
    printf '%-16s %12s executions\n' "$target" "${count:-unknown}"
    if [ "$status" -ne 0 ]; then
        # The end of a search that failed to start says why.
        [ -n "$count" ] || tail -n 5 "$log"
        broken=$((broken + 1))
        sed -n '/panicked at/,+1p;/^memory allocation of/p;/ ERROR: libFuzzer/p' "$log"
        for input in "$crashes/$target-"*; do
            [ -e "$input" ] || continue
            echo "  input:  $input"
            echo "  replay: ${REJOIN_PLANTED_BUG:+REJOIN_PLANTED_BUG=1 }$built/$host/release/$target $input"
        done
        echo "  then:   mend the decoder, and keep the input in chaos-tests/fuzz/corpus/$target"
    fi
done
echo "$(echo "$targets" | wc -w) targets, $executions executions, $broken crashes"
[ "$broken" -eq 0 ]
