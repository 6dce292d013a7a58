#!/bin/sh
# Shows that each fuzz target, or each that is named, finds the defect that planted_bugs.txt has for
# it, within FUZZ_SECONDS. The defects are planted in a copy of the tracked files.
set -eu
cd "$(dirname "$0")/.."
seconds=${FUZZ_SECONDS:-120}
copy=$PWD/fuzz/target/planted
export CARGO_TARGET_DIR="$PWD/fuzz/target"

rm -rf "$copy"
mkdir -p "$copy"
git ls-files -z | tar -cf - --null -T - | tar -xf - -C "$copy"

# The line of a target in the list that begins with a sign.
line() { sed -n "/^$1:/,/^\$/s/^$2 //p" fuzz/planted_bugs.txt; }

for target in $(ls fuzz/corpus); do
    old=$(line "$target" -) new=$(line "$target" +)
    file=$(grep -rlF -e "$old" "$copy/src")
    OLD=$old NEW=$new perl -0777 -pi -e 's/\Q$ENV{OLD}\E/$ENV{NEW}/' "$file"
done
sh fuzz/build.sh "$copy"

cd "$copy"
failed=""
for target in ${*:-$(ls fuzz/corpus)}; do
    mkdir -p "inputs/$target"
    run() { cargo fuzz run --sanitizer none "$target" "$@" >"inputs/$target.log" 2>&1; }
    if ! run "fuzz/corpus/$target" -- -runs=0; then
        result="NOT SHOWN: the corpus finds the defect without the fuzzer"
    else
        before=$(date +%s)
        if run "inputs/$target" "fuzz/corpus/$target" -- -max_total_time="$seconds"; then
            result="NOT FOUND in $seconds s"
        elif [ -n "$(ls "fuzz/artifacts/$target" 2>/dev/null)" ]; then
            result="found in $(($(date +%s) - before)) s"
        else
            result="NOT RUN: see $copy/inputs/$target.log"
        fi
    fi
    printf '%-20s %s\n' "$target" "$result"
    case $result in found*) ;; *) failed="$failed $target" ;; esac
done
if [ -n "$failed" ]; then
    echo "planted defects that were not found:$failed" >&2
    exit 1
fi
