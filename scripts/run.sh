#!/usr/bin/env bash
# make run: build what is missing, then open the window on a project; without a display, serve the same page.
step_total=4
. "$(dirname "$0")/setup.sh"

project="$(realpath -e -- "${1:-assets/demo}" 2>/dev/null)" || die "There is no folder $1."
[ -d "$project" ] || die "$project is not a folder."
need_toolchains

if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
  # shellcheck disable=SC2086
  debian_packages $build_packages
  npm_packages
  ui_build
  release_build window
  export SIGNALBOX_DEMO="$root/assets/demo"
  echo "opening $project"
  trap - INT TERM HUP EXIT
  exec "$CARGO_TARGET_DIR/release/signalbox-desktop" "$project"
fi

debian_packages build-essential
npm_packages
ui_build
release_build
export SIGNALBOX_DEMO="$root/assets/demo"
echo "There is no display here (DISPLAY and WAYLAND_DISPLAY are empty), so the same page is served on loopback."
echo "Open the address below in a browser; Ctrl-C stops it."
trap - INT TERM HUP EXIT
exec "$CARGO_TARGET_DIR/release/signalbox" serve "$project"
