#!/bin/sh
# Builds and tests the elements and the command with the newer GStreamer of Debian 13, in a tree of its own made by
# debootstrap. Needs root and debootstrap; where they are missing it says so and is no failure. What is there already is
# used again.
#
#   EDGEVISION_NEWER         folder for the tree and its build (default: target/newer)
#   EDGEVISION_NEWER_TREE    the tree alone (default: tree in that folder)
#   DEBIAN_MIRROR            where packages come from, if not from Debian itself
#
# Arguments are passed to cargo nextest: `xtask/newer.sh -E 'test(overlay)'`.
set -eu
cd "$(dirname "$0")/.."
. xtask/packages.sh

ROOT=$(pwd)
SUITE=trixie
WORK=${EDGEVISION_NEWER:-$ROOT/target/newer}
TREE=${EDGEVISION_NEWER_TREE:-$WORK/tree}

say() { printf 'edgevision: %s\n' "$*" >&2; }
skip() { say "skipped: $*"; exit 0; }

# All mounts are made in a namespace of this run alone: they are gone when it ends, however it ends.
enter_namespace() {
    [ "$(id -u)" -eq 0 ] || skip "a Debian 13 tree can only be made by root; try sudo make test-newer"
    command -v debootstrap >/dev/null 2>&1 || skip "no debootstrap here; apt-get install debootstrap"
    unshare --mount --pid --fork true 2>/dev/null || skip "this machine allows no mount namespaces (a container?)"
    EDGEVISION_IN_NAMESPACE=1 exec unshare --mount --propagation private --pid --fork --kill-child -- "$0" "$@"
}

make_tree() {
    [ ! -x "$TREE/usr/bin/apt-get" ] || return 0
    say "making a Debian 13 tree in $TREE: downloads about 60 MB"
    rm -rf "$TREE.partial"
    mkdir -p "$TREE.partial"
    # A container's security rules may forbid what debootstrap needs, even to root.
    debootstrap --variant=minbase "$SUITE" "$TREE.partial" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} >"$WORK/debootstrap.log" 2>&1 ||
        skip "debootstrap failed; the end of $WORK/debootstrap.log: $(tail -n 1 "$WORK/debootstrap.log")"
    mv "$TREE.partial" "$TREE"
}

inside() { chroot "$TREE" /usr/bin/env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"; }

missing_packages() {
    for package in $PACKAGES; do
        inside dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || printf ' %s' "$package"
    done
}

install_packages() {
    missing=$(missing_packages)
    [ -n "$missing" ] || return 0
    cp /etc/resolv.conf "$TREE/etc/resolv.conf"
    inside apt-get update -qq -o Acquire::Languages=none
    say "installing in the tree:$missing"
    say "$(inside apt-get install --assume-no --no-install-recommends $missing | grep '^Need to get')"
    inside apt-get install -y -qq --no-install-recommends $missing >"$WORK/apt.log" 2>&1 || {
        say "apt-get failed; the end of $WORK/apt.log:"
        tail -n 20 "$WORK/apt.log" >&2
        exit 1
    }
    inside apt-get clean
}

# Shows a folder at the same path in the tree: what is compiled finds the same files under the same names.
show() { # folder [mount options]
    [ -d "$1" ] || return 0
    mkdir -p "$TREE$1"
    mount --bind "$1" "$TREE$1"
    [ -z "${2:-}" ] || mount -o "remount,bind,$2" "$TREE$1"
}

show_nextest() {
    nextest=$(command -v cargo-nextest) || {
        say "no cargo-nextest found; install it with: cargo install --locked cargo-nextest"
        exit 1
    }
    : >>"$TREE/usr/local/bin/cargo-nextest"
    mount --bind "$nextest" "$TREE/usr/local/bin/cargo-nextest"
}

mount_all() {
    TOOLCHAIN=$(rustc --print sysroot)
    CARGO_HOME=${CARGO_HOME:-$HOME/.cargo}
    mount -t proc proc "$TREE/proc"
    mount --bind /dev "$TREE/dev"
    mount --bind /dev/pts "$TREE/dev/pts"
    mount -t tmpfs tmpfs "$TREE/dev/shm"
    mount -t sysfs -o ro sysfs "$TREE/sys"
    show "$TOOLCHAIN" ro
    show "$CARGO_HOME"
    show_nextest
    show "$ROOT"
    show "$WORK"
    [ -z "${EDGEVISION_MEDIA:-}" ] || show "$EDGEVISION_MEDIA" ro
}

run_tests() { # [arguments of nextest]
    say "$(inside gst-inspect-1.0 --version | sed -n 2p); build in $WORK/target (the first takes some 20 minutes)"
    # shellcheck disable=SC2016 # expanded in the tree
    inside PATH="$TOOLCHAIN/bin:$CARGO_HOME/bin:/usr/local/bin:/usr/sbin:/usr/bin" HOME=/root CARGO_HOME="$CARGO_HOME" \
        CARGO_TARGET_DIR="$WORK/target" CARGO_NET_OFFLINE=true \
        GST_REGISTRY="$WORK/registry.bin" XDG_CACHE_HOME="$WORK/cache" XDG_RUNTIME_DIR=/tmp \
        sh -c 'cd "$1" && shift && exec cargo nextest run -p gst-plugin-edgevision -p edgevision --features v1_24 "$@"' \
        sh "$ROOT" "$@"
}

[ -n "${EDGEVISION_IN_NAMESPACE:-}" ] || enter_namespace "$@"
mkdir -p "$WORK"
make_tree
install_packages
cargo fetch --locked --quiet
mount_all
run_tests "$@"
