#!/usr/bin/env bash
# make screenshot: set up what is missing, and draw assets/screenshot.png from the real window on the demo.
step_total=4
. "$(dirname "$0")/setup.sh"
need_toolchains
# shellcheck disable=SC2086
debian_packages $build_packages $test_packages
npm_packages
ui_build
release_build window
SIGNALBOX_BIN="$CARGO_TARGET_DIR/release" node scripts/screenshot.mjs
