# Sourced by the other scripts: steps that say what they do and how far they are, and where things are kept.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/signalbox-dev"
[ -d "$HOME/.cargo/bin" ] && PATH="$PATH:$HOME/.cargo/bin"
export PATH

# CI works in a fresh clone: its build outlives the clone in the cache folder.
if [ -z "${CARGO_TARGET_DIR:-}" ]; then
  if [ "${CI:-}" = true ] && mkdir -p "$cache/target" 2>/dev/null && [ -w "$cache/target" ]; then
    CARGO_TARGET_DIR="$cache/target"
  else
    CARGO_TARGET_DIR="$root/target"
  fi
fi
export CARGO_TARGET_DIR
[ -t 1 ] || export CARGO_TERM_COLOR=never NO_COLOR=1 npm_config_color=false
export npm_config_update_notifier=false npm_config_fund=false npm_config_audit=false
export PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1

work="$root/target/dev"
logs="$work/logs"
mkdir -p "$logs"

step_no=0
step_total=${step_total:-1}
current_pid=""

stop_current() {
  if [ -n "$current_pid" ]; then
    kill -TERM -- "-$current_pid" 2>/dev/null || true
    for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$current_pid" 2>/dev/null || break; sleep 0.2; done
    kill -KILL -- "-$current_pid" 2>/dev/null || true
    current_pid=""
  fi
}
trap 'stop_current; exit 130' INT
trap 'stop_current; exit 143' TERM HUP
trap stop_current EXIT

# skip TITLE WHY: a step with nothing to do.
skip() {
  step_no=$((step_no + 1))
  printf '[%d/%d] %s: %s\n' "$step_no" "$step_total" "$1" "$2"
}

# step TITLE LIMIT_SECONDS COMMAND…: runs it in its own process group, output to a log, a word every 20 s.
# Returns the command's exit code; 124 when it was stopped for taking too long.
step() {
  local title="$1" limit="$2" start=$SECONDS said=0 code=0 took
  shift 2
  step_no=$((step_no + 1))
  local log="$logs/$(printf '%02d' "$step_no")-$(printf '%s' "$title" | tr -cs 'a-zA-Z0-9' '-').log"
  step_log="$log"
  printf '[%d/%d] %s …' "$step_no" "$step_total" "$title"
  set -m
  "$@" >"$log" 2>&1 </dev/null &
  current_pid=$!
  set +m
  while kill -0 "$current_pid" 2>/dev/null; do
    took=$((SECONDS - start))
    if [ "$took" -ge "$limit" ]; then
      printf '\n      stopped after %d s, the limit\n' "$limit"
      local pid=$current_pid
      stop_current
      wait "$pid" 2>/dev/null || true
      tail -n 40 "$log" | sed 's/^/      │ /'
      return 124
    fi
    if [ "$took" -ge $((said + 20)) ]; then
      said=$took
      printf '\n      %d s: %s' "$took" "$(tail -c 2000 "$log" | tr '\r' '\n' | grep -v '^[[:space:]]*$' | tail -n 1 | cut -c1-110 || true)"
    fi
    sleep 0.1
  done
  wait "$current_pid" || code=$?
  current_pid=""
  took=$((SECONDS - start))
  [ "$said" -gt 0 ] && printf '\n     '
  if [ "$code" -eq 0 ]; then
    printf ' %d s\n' "$took"
  else
    printf ' failed after %d s (exit code %d); the end of %s:\n' "$took" "$code" "${log#"$root"/}"
    tail -n "${LOG_TAIL:-60}" "$log" | sed 's/^/      │ /'
  fi
  return "$code"
}

die() {
  printf '%s\n' "$*" >&2
  exit 1
}

# version_at_least HAVE WANT
version_at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }
