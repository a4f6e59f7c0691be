#!/usr/bin/env bash
# make clean: what was built in this clone, and the development cache. What Signalbox keeps for you stays.
set -euo pipefail
cd "$(dirname "$0")/.."
cache="${XDG_CACHE_HOME:-$HOME/.cache}/signalbox-dev"
for folder in target fuzz/target ui/dist ui/node_modules "$cache"; do
  if [ -e "$folder" ]; then
    echo "removing $folder"
    rm -rf -- "$folder"
  fi
done
