# Sourced: everything that must be there before a build. Each part looks first and does only what is missing.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

build_packages="build-essential pkg-config libwebkit2gtk-4.1-dev librsvg2-dev"
test_packages="xvfb xauth prometheus dbus dbus-x11 webkit2gtk-driver at-spi2-core fonts-dejavu-core chromium"

need_toolchains() {
  command -v cargo >/dev/null || die "Signalbox needs Rust 1.90 or newer (cargo): install it with rustup, then run this again."
  local have
  have="$(rustc --version | cut -d' ' -f2)"
  version_at_least "$have" 1.90 || die "Signalbox needs Rust 1.90 or newer; rustc here is $have. Try: rustup update stable"
  command -v node >/dev/null && command -v npm >/dev/null || die "Signalbox needs Node.js 20.19 or newer with npm, to build its window's page."
  have="$(node --version | tr -d v)"
  version_at_least "$have" 20.19 || die "Signalbox needs Node.js 20.19 or newer; node here is $have."
}

missing_packages() {
  local package
  for package in "$@"; do
    dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || printf '%s ' "$package"
  done
}

install_packages() {
  $1 apt-get update -qq || return
  shift
  DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -q --no-install-recommends "$@"
}

# debian_packages NAME…: installs what is missing where it may, and says what to install where it may not.
debian_packages() {
  local missing
  if ! command -v dpkg-query >/dev/null; then
    if pkg-config --exists webkit2gtk-4.1 2>/dev/null; then
      skip "system packages" "not Debian, WebKitGTK is there"
      return
    fi
    die "This is not Debian, so install by hand what these Debian packages hold: $*"
  fi
  missing="$(missing_packages "$@")"
  if [ -z "$missing" ]; then
    skip "Debian packages" "all there"
    return
  fi
  if [ "$(id -u)" -eq 0 ]; then
    as_root=""
  elif sudo -n true 2>/dev/null || { [ -t 0 ] && command -v sudo >/dev/null && sudo -v; }; then
    as_root=sudo
  else
    die "These Debian packages are missing, and installing them needs root:
  sudo apt-get install --no-install-recommends $missing"
  fi
  # shellcheck disable=SC2086
  step "installing Debian packages: $missing" 1200 install_packages "$as_root" $missing
}

lock_hash() { { node --version && cat ui/package-lock.json; } | sha256sum | cut -c1-16; }

npm_packages() {
  local stamp=ui/node_modules/.signalbox-lock
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(lock_hash)" ]; then
    skip "npm packages" "up to date"
    return
  fi
  step "installing npm packages" 600 npm --prefix ui ci --no-audit --no-fund
  lock_hash >"$stamp"
}

# Everything that goes into ui/dist.
ui_hash() {
  { find ui/src assets/tokens.json assets/fonts -type f -print0 2>/dev/null | LC_ALL=C sort -z | xargs -0 sha256sum
    sha256sum ui/*.json ui/*.ts ui/*.js ui/*.html 2>/dev/null || true; } | sha256sum | cut -c1-16
}

ui_build() {
  local stamp=ui/node_modules/.signalbox-dist
  if [ -f "$stamp" ] && [ -f ui/dist/index.html ] && [ "$(cat "$stamp")" = "$(ui_hash)" ]; then
    skip "the page (ui/dist)" "up to date"
    return
  fi
  step "building the page (ui/dist)" 300 npm --prefix ui run build
  ui_hash >"$stamp"
}

# release_build [window]: the command-line program; with `window` the desktop program too, and what benches and tests
# need: one set for `make run`, `make test` and `make bench`, because another set unites its packages' features
# otherwise, and Cargo would build nearly everything again. Cargo itself knows what is up to date.
release_build() {
  local what=(-p signalbox-cli) title="building signalbox (release)"
  if [ "${1:-}" = window ]; then
    what+=(-p signalbox-desktop -p signalbox-bench --features signalbox-desktop/custom-protocol)
    title="building signalbox and its window (release)"
  fi
  step "$title" 3000 cargo build --release --locked "${what[@]}"
}

python_hash() { { python3 --version && cat tests/requirements.txt; } | sha256sum | cut -c1-16; }

make_venv() {
  set -e
  rm -rf "$venv"
  mkdir -p "$(dirname "$venv")"
  python3 -m venv "$venv"
  "$venv/bin/python" -m pip install --progress-bar off --no-deps -r tests/requirements.txt
  "$venv/bin/python" -c 'import mlflow, tensorboardX, tensorboard'
  touch "$venv/.ready"
}

# The writers and peers that the tests and benches run beside us, outside of the clone.
python_packages() {
  command -v python3 >/dev/null || die "The tests need Python 3.10 or newer (python3)."
  venv="$cache/venv-$(python_hash)"
  python="$venv/bin/python"
  if [ -f "$venv/.ready" ]; then
    skip "Python packages for the tests" "up to date"
    return
  fi
  step "installing Python packages for the tests" 1500 make_venv
}
