# Sourced: everything that must be there before a build. Each part looks first and does only what is missing.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# protobuf-compiler, libprotobuf-dev: Spark Connect's client is made from its protocol when it is built.
build_packages="build-essential pkg-config libwebkit2gtk-4.1-dev librsvg2-dev protobuf-compiler libprotobuf-dev"
test_packages="xvfb xauth dbus dbus-x11 webkit2gtk-driver at-spi2-core fonts-dejavu-core chromium git openssh-client openssl curl gnome-keyring"

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

# python_hash FILE
python_hash() { { python3 --version && cat "$1"; } | sha256sum | cut -c1-16; }

# make_venv FOLDER FILE IMPORT
make_venv() {
  # Chained, because `set -e` says nothing where a caller asks whether this worked.
  rm -rf "$1" &&
    mkdir -p "$(dirname "$1")" &&
    python3 -m venv "$1" &&
    "$1/bin/python" -m pip install --progress-bar off --no-deps -r "$2" &&
    "$1/bin/python" -c "import $3" &&
    touch "$1/.ready"
}

# python_env VARIABLE NAME FILE IMPORT WHAT: a Python with what FILE pins, outside of the clone; its path in VARIABLE.
python_env() {
  command -v python3 >/dev/null || die "The tests need Python 3.10 or newer (python3)."
  local venv="$cache/$2-$(python_hash "$3")"
  printf -v "$1" '%s' "$venv/bin/python"
  if [ -f "$venv/.ready" ]; then
    skip "Python packages for $5" "up to date"
    return
  fi
  step "installing Python packages for $5" 1500 make_venv "$venv" "$3" "$4"
}

# The writers and peers that the tests and benches run beside us.
python_packages() { python_env python venv tests/requirements.txt "mlflow, tensorboardX, tensorboard" "the tests"; }

# The tools whose runs are read; those that go with no other are alone.
writers_packages() {
  python_env python_writers venv-writers tests/requirements-writers.txt "catboost, dvc, dvclive, hydra, lightgbm, optuna, sacred, swanlab, tensorboardX, trackio, wandb, xgboost" "the tools that write runs"
  python_env python_aim venv-aim tests/requirements-aim.txt aim "Aim"
  python_env python_guild venv-guild tests/requirements-guild.txt guild "Guild"
  python_env python_ray_tune venv-ray-tune tests/requirements-ray-tune.txt "ray.tune" "Ray Tune"
}

# MLServer and Triton; GTO.
v2_packages() { python_env python_v2 venv-v2 tests/requirements-v2.txt "mlserver, mlflow" "MLServer and Triton"; }
gto_packages() { python_env python_gto venv-gto tests/requirements-gto.txt gto "GTO"; }
engines_packages() { python_env python_engines venv-engines tests/requirements-engines.txt "pysail, chdb, pyarrow" "Sail and ClickHouse"; }
spark_packages() { python_env python_spark venv-spark tests/requirements-spark.txt pyspark "Spark"; }
drift_packages() { python_env python_drift venv-drift tests/requirements-drift.txt "evidently, nannyml, duckdb, polars, pyarrow" "the peers in drift"; }
whylogs_packages() { python_env python_whylogs venv-whylogs tests/requirements-whylogs.txt "whylogs, pyarrow" "whylogs"; }
ray_packages() { python_env python_ray venv-ray tests/requirements-ray.txt "ray, mlflow" "Ray Serve"; }

unpack_servers() {
  set -e
  local work name
  work="$(mktemp -d)"
  mkdir -p "$servers"
  cd "$work"
  for name in $server_packages; do
    apt-get download -q "$name"
    dpkg -x ./"$name"_*.deb "$servers"
  done
  rm -rf "$work"
  touch "$servers/.ready"
}

# Servers that Debian would start with the machine if they were installed: unpacked outside of the clone instead.
server_packages="prometheus docker-registry apache2-utils libapr1 libaprutil1"
server_programs() {
  servers="$cache/servers-$(sha256sum <<<"$server_packages" | cut -c1-16)"
  if ! { [ -f "$servers/.ready" ] || { command -v prometheus && command -v docker-registry && command -v htpasswd; } >/dev/null; }; then
    command -v apt-get >/dev/null || die "The tests need prometheus, docker-registry and htpasswd on the PATH."
    step "unpacking servers for the tests: $server_packages" 600 unpack_servers
  else
    skip "servers for the tests" "all there"
  fi
  [ -f "$servers/.ready" ] || return 0
  # After unpacking: the folders of their libraries must be there to be found.
  PATH="$PATH:$servers/usr/bin"
  LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$(find "$servers/usr/lib" -mindepth 1 -maxdepth 1 -type d | paste -sd:)"
  export PATH LD_LIBRARY_PATH
}

# postgres_programs: those that are there, else Debian's. Installed, Debian starts one with the machine: on a person's
# machine they are unpacked outside of the clone instead. Root cannot: Postgres runs as another user then, who may not
# look into root's cache.
postgres_programs() {
  if compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null || command -v initdb >/dev/null; then
    skip "Postgres for the tests" "there"
    return
  fi
  if [ "$(id -u)" -eq 0 ]; then
    debian_packages postgresql util-linux
    return
  fi
  command -v apt-get >/dev/null || die "The tests need Postgres's initdb and postgres on the PATH."
  local package servers server_packages
  package="$(apt-cache depends postgresql | awk '$1 == "Depends:" && $2 ~ /^postgresql-[0-9]+$/ { print $2; exit }')"
  [ -n "$package" ] || die "The tests need Postgres; apt-get update may be missing."
  servers="$cache/$package" server_packages="$package ${package/postgresql/postgresql-client} libpq5"
  if [ -f "$servers/.ready" ]; then
    skip "Postgres for the tests" "there"
  else
    step "unpacking Postgres for the tests: $server_packages" 600 unpack_servers
  fi
  PATH="$PATH:$(compgen -G "$servers/usr/lib/postgresql/*/bin")"
  LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$(compgen -G "$servers/usr/lib/*-linux-gnu*" | head -n 1)"
  export PATH LD_LIBRARY_PATH
}
