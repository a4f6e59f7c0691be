#!/usr/bin/env bash
# Fuzz every reader that has a target: scripts/fuzz.sh [seconds per target, 60] [target...]
# Stable Rust: coverage counters without a sanitizer. Memory is bounded by -rss_limit_mb.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
shift $(($# > 0 ? 1 : 0))
targets=("$@")
if [ ${#targets[@]} = 0 ]; then
    for file in fuzz/fuzz_targets/*.rs; do targets+=("$(basename "$file" .rs)"); done
fi
triple=$(rustc -vV | sed -n 's/^host: //p')

# What a target begins with: real files of its format, or folders of them, each packed into one input.
seeds() {
    local found
    case $1 in
    tfevents) found=$(find tests/samples -type f -name '*tfevents*') ;;
    csv | jsonl | wandb) found=$(find tests/samples -type f -path "*$1*") ;;
    *) python3 scripts/fuzz_seeds.py "$1" "$2"; return ;;
    esac
    while read -r file; do cp -n "$file" "$2/seed-$(cksum <"$file" | cut -d' ' -f1)"; done <<<"$found"
}

export CARGO_TARGET_DIR=${FUZZ_TARGET_DIR:-$PWD/target/fuzz}
# What cargo-fuzz passes, less the sanitizer, which only nightly has. --target keeps it off build scripts.
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing"
echo "building ${#targets[@]} fuzz targets"
cargo build --quiet --locked --release --manifest-path fuzz/Cargo.toml --target "$triple"

# Folders are written and read thousands of times a second: in memory, where there is such a place.
memory=/dev/shm
[ -w $memory ] || memory=${TMPDIR:-/tmp}
TMPDIR=$(mktemp -d "$memory/signalbox-fuzz.XXXXXX")
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT

for target in "${targets[@]}"; do
    corpus=fuzz/corpus/$target
    mkdir -p "$corpus" "fuzz/artifacts/$target"
    seeds "$target" "$corpus"
    echo "fuzzing $target for $seconds s from $(find "$corpus" -type f | wc -l) files"
    words=()
    [ ! -e "$corpus.dict" ] || words=(-dict="$corpus.dict")
    "$CARGO_TARGET_DIR/$triple/release/$target" "$corpus" "${words[@]}" -max_total_time="$seconds" \
        -rss_limit_mb=512 -max_len=200000 -timeout=10 -artifact_prefix="fuzz/artifacts/$target/" -print_final_stats=1
done
