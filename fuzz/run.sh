#!/bin/sh
# Runs every fuzz target, or those that are named, for FUZZ_SECONDS each. Fails if one of them finds
# a defect; the input is then in fuzz/artifacts.
set -eu
cd "$(dirname "$0")/.."
seconds=${FUZZ_SECONDS:-30}

sh fuzz/build.sh
mkdir -p fuzz/target/logs
failed=""
for target in ${*:-$(ls fuzz/corpus)}; do
    log=fuzz/target/logs/$target
    # What is found new is kept outside of the committed corpus, for the next run.
    mkdir -p "fuzz/target/inputs/$target"
    result=ok
    cargo fuzz run --sanitizer none "$target" "fuzz/target/inputs/$target" "fuzz/corpus/$target" -- \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        >"$log" 2>&1 || result=FAILED
    stat() { sed -n "s/^stat::$1: *//p" "$log"; }
    printf '%-20s %4s s %10s runs %8s a second  %s\n' "$target" "$seconds" \
        "$(stat number_of_executed_units)" "$(stat average_exec_per_sec)" "$result"
    if [ "$result" != ok ]; then
        failed="$failed $target"
        grep -A 3 -E "panicked at|ERROR: |Failing input|error: " "$log" | head -n 30
        echo "  everything it said: $log"
    fi
done
if [ -n "$failed" ]; then
    echo "defects found by:$failed" >&2
    exit 1
fi
