#!/usr/bin/env bash
# make bench: build what is missing, then measure. BENCH="--only ingest,query --quick" picks and shrinks.
wants() { [[ "${BENCH:-}" != *--only* || "${BENCH:-}" =~ --only[=\ ]([a-z]+,)*"$1"(,| |$) ]]; }
step_total=6
wants drift && step_total=8
. "$(dirname "$0")/setup.sh"

need_toolchains
# shellcheck disable=SC2086
debian_packages $build_packages $test_packages
npm_packages
ui_build
python_packages
# MLServer and Triton, for promotions; without them that part says that it is skipped.
if declare -F v2_packages >/dev/null; then
  v2_packages
  export SIGNALBOX_PYTHON_V2="$python_v2"
fi
# Two gigabytes of drift libraries. One that cannot be had here (a Python that it does not know yet) is left out.
if wants drift; then
  drift_packages && export SIGNALBOX_PYTHON_DRIFT="$python_drift" || echo "Drift is measured without Evidently, NannyML, DuckDB and Polars."
  whylogs_packages && export SIGNALBOX_PYTHON_WHYLOGS="$python_whylogs" || echo "Drift is measured without whylogs."
fi
# Ray Serve is gigabytes more: where `make test-heavy` has brought it, it is measured too.
venv_ray="$cache/venv-ray-$(python_hash tests/requirements-ray.txt)"
if [ -f "$venv_ray/.ready" ]; then
  export SIGNALBOX_PYTHON_RAY="$venv_ray/bin/python"
else
  echo "Ray Serve is not measured: make test-heavy brings it."
fi
release_build window
trap - INT TERM HUP EXIT
# shellcheck disable=SC2086
exec "$python" -W ignore bench/run.py --bin "$CARGO_TARGET_DIR/release" --work "$work/bench" --out "$root/target/bench/results.json" ${BENCH:-}
