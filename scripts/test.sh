#!/usr/bin/env bash
# make test: set up what is missing, run every check and test, print the totals. `make lint`: the checks only.
# `make test-heavy`: Ray Serve, KServe on a real Kubernetes API server, and Spark.
# SIGNALBOX_TESTS="rust ui browser window crash" picks among them.
mode="${1:-all}"
want=" ${SIGNALBOX_TESTS:-lint rust ui browser window crash} "
[ "$mode" = lint ] && want=" lint ui-check "
[ "$mode" = heavy ] && want=" heavy "
case "$mode" in lint) step_total=6 ;; heavy) step_total=9 ;; *) step_total=25 ;; esac
. "$(dirname "$0")/setup.sh"

counts="$work/counts"
: >"$counts"
failed_steps=()

wants() { [[ "$want" == *" $1 "* ]]; }
# tally NAME PASSED FAILED SKIPPED
tally() { echo "$1 $2 $3 $4" >>"$counts"; }

# check NAME TITLE LIMIT COMMAND…: counts as one test.
check() {
  local name="$1"
  shift
  if step "$@"; then tally "$name" 1 0 0; else tally "$name" 0 1 0; failed_steps+=("$1"); fi
}

# suite NAME COUNTER TITLE LIMIT COMMAND…: counts what the runner counted; COUNTER prints "passed failed skipped".
suite() {
  local name="$1" counter="$2" code=0 passed failed skipped
  shift 2
  step "$@" || code=$?
  read -r passed failed skipped < <("$counter" "$step_log" "$name") || true
  passed=${passed:-0} failed=${failed:-0} skipped=${skipped:-0}
  # A runner that died, or that ran nothing at all, failed.
  if [ "$code" -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
  if [ "$code" -eq 0 ] && [ "$passed" -eq 0 ]; then failed=1; fi
  printf '      %d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
  tally "$name" "$passed" "$failed" "$skipped"
  [ "$failed" -eq 0 ] || failed_steps+=("$1")
}

number() { grep -oE "[0-9]+ $1" | tail -n 1 | cut -d' ' -f1; }

count_nextest() {
  local line
  line="$(grep -aE 'tests? run:' "$1" | tail -n 1)"
  echo "$(number passed <<<"$line" || echo 0) $(($(number failed <<<"$line" || echo 0) + $(number 'timed out' <<<"$line" || echo 0))) $(number skipped <<<"$line" || echo 0)"
}

count_cargo_test() {
  grep -aE '^test result:' "$1" | awk '{ for (i = 2; i <= NF; i++) { if ($i ~ /^passed/) p += $(i-1); if ($i ~ /^failed/) f += $(i-1); if ($i ~ /^ignored/) s += $(i-1) } } END { print p+0, f+0, s+0 }'
}

count_vitest() {
  local line
  line="$(grep -aE '^ +Tests ' "$1" | tail -n 1)"
  echo "$(number passed <<<"$line" || echo 0) $(number failed <<<"$line" || echo 0) $(number skipped <<<"$line" || echo 0)"
}

count_node() {
  awk '/^(#|ℹ) pass /{p=$3} /^(#|ℹ) fail /{f=$3} /^(#|ℹ) cancelled /{c=$3} /^(#|ℹ) skipped /{s=$3} END {print p+0, f+c, s+0}' "$1"
}

rust_tests() {
  if command -v cargo-nextest >/dev/null; then
    cargo nextest run --workspace --locked --no-fail-fast --status-level fail --final-status-level fail
  else
    cargo test --workspace --locked --no-fail-fast
  fi
}

real_writer_tests() {
  SIGNALBOX_PYTHON="$python" SIGNALBOX_PYTHON_WRITERS="$python_writers" SIGNALBOX_PYTHON_AIM="$python_aim" \
    SIGNALBOX_PYTHON_GUILD="$python_guild" SIGNALBOX_PYTHON_RAY_TUNE="$python_ray_tune" \
    cargo test --locked -p signalbox-formats --features real-writers --test real_writers -- --test-threads=2
}

# Real registries, model servers and keychains, started and stopped by the tests.
real_server_tests() {
  SIGNALBOX_PYTHON="$python" SIGNALBOX_PYTHON_MLSERVER="$python_v2" SIGNALBOX_PYTHON_TRITON="$python_v2" SIGNALBOX_PYTHON_GTO="$python_gto" \
    cargo test --locked --no-fail-fast -p signalbox-keeper -p signalbox-remote \
    --features signalbox-keeper/real-servers,signalbox-remote/real-servers --test real_servers --test real_mlflow --test real_prometheus --test real_oci --test real_gto \
    --test real_v2 --test real_keychain -- --test-threads=2
}

# The profile plan beside the local kernel, integer for integer.
real_engine_tests() {
  SIGNALBOX_PYTHON_ENGINES="$python_engines" \
    cargo test --locked --no-fail-fast -p signalbox-engines --features real-engines --test real_engines -- --test-threads=2
}

spark_tests() {
  SIGNALBOX_PYTHON_SPARK="$python_spark" cargo test --locked -p signalbox-engines --features heavy-engines --test real_spark
}

heavy_server_tests() {
  SIGNALBOX_PYTHON_RAY="$python_ray" SIGNALBOX_KUBE="$kube" \
    cargo test --locked --no-fail-fast -p signalbox-remote --features heavy-servers --test real_ray --test real_kserve
}

node_tests() {
  SIGNALBOX_BIN="$CARGO_TARGET_DIR/release" SIGNALBOX_PYTHON="$python" \
    node --test --test-concurrency=1 --test-timeout=1200000 --test-reporter=spec "$@"
}

need_toolchains
if [ "$mode" = heavy ]; then
  # shellcheck disable=SC2086
  debian_packages $build_packages iproute2 util-linux default-jre-headless
  ray_packages
  spark_packages
  kube="$cache/kube"
  step "a Kubernetes API server (built once)" 3600 scripts/heavy/kube.sh "$kube"
  suite heavy count_cargo_test "Ray Serve and KServe" 3600 heavy_server_tests
  suite spark count_cargo_test "push-down to Spark" 1800 spark_tests
elif [ "$mode" = lint ]; then
  # shellcheck disable=SC2086
  debian_packages $build_packages
else
  # shellcheck disable=SC2086
  debian_packages $build_packages $test_packages
fi
if [ "$mode" != heavy ]; then
  npm_packages
  ui_build
fi
if wants rust; then
  writers_packages
  v2_packages
  gto_packages
  engines_packages
  server_programs
  postgres_programs
fi
if wants rust || wants browser || wants window || wants crash; then python_packages; fi

if wants lint; then
  check fmt "rustfmt" 120 cargo fmt --all --check
  # With the features that only tests have: what nobody compiles breaks unseen.
  check clippy "clippy" 2400 cargo clippy --workspace --all-targets --locked \
    --features signalbox-remote/real-servers,signalbox-remote/heavy-servers,signalbox-keeper/real-servers,signalbox-formats/real-writers,signalbox-engines/real-engines,signalbox-engines/heavy-engines -- -D warnings
fi
if wants rust; then
  counter=count_cargo_test
  command -v cargo-nextest >/dev/null && counter=count_nextest
  suite rust $counter "Rust tests" 3000 rust_tests
  suite writers count_cargo_test "our readers beside the living tools" 900 real_writer_tests
  suite servers count_cargo_test "promotions to real servers" 2400 real_server_tests
  suite engines count_cargo_test "push-down to real engines" 1200 real_engine_tests
fi
if wants ui || wants ui-check; then check svelte-check "svelte-check" 300 npm --prefix ui run check; fi
if wants ui; then suite ui count_vitest "page tests (vitest)" 600 npm --prefix ui test; fi
if wants browser || wants window || wants crash; then
  if release_build window; then
    if wants crash; then suite crash count_node "killed while reading, and while promoting" 1800 node_tests tests/e2e/crash/*.test.mjs; fi
    if wants browser; then suite browser count_node "the page in Chromium" 900 node_tests tests/e2e/browser/*.test.mjs; fi
    if wants window; then suite window count_node "the real window" 1200 node_tests tests/e2e/window/*.test.mjs; fi
  else
    tally release-build 0 1 0
    failed_steps+=("the release build")
  fi
fi

echo
awk '{ printf "%-14s %5d passed %3d failed %3d skipped\n", $1, $2, $3, $4 }' "$counts"
[ ${#failed_steps[@]} -eq 0 ] || printf 'failed: %s\n' "${failed_steps[@]}"
awk '{ p += $2; f += $3; s += $4 } END { if (s) printf "%d passed, %d failed, %d skipped\n", p, f, s; else printf "%d passed, %d failed\n", p, f; exit f > 0 || p == 0 }' "$counts"
