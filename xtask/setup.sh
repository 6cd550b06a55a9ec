#!/bin/sh
# Installs what the build needs and is not there. Says what it does before it does it; does nothing twice.
set -eu

say() { printf 'edgevision: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

require_cargo() {
    command -v cargo >/dev/null 2>&1 ||
        fail "no cargo found; install Rust 1.95 or newer with rustup (see rustup.rs), open a new shell and try again"
}

. "$(dirname "$0")/packages.sh"

missing_packages() {
    for package in $PACKAGES; do
        dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || printf ' %s' "$package"
    done
}

install_packages() {
    missing=$(missing_packages)
    [ -n "$missing" ] || return 0
    as_root=""
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null 2>&1 ||
            fail "these Debian packages are missing and there is no sudo to install them:$missing"
        as_root="sudo"
    fi
    say "installing with ${as_root:+sudo }apt-get:$missing"
    $as_root apt-get update -qq
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

check_elsewhere() {
    pkg-config --atleast-version=1.22 gstreamer-1.0 gstreamer-rtsp-server-1.0 2>/dev/null ||
        fail "this is no Debian or Ubuntu: install GStreamer 1.22 or newer with its base, good, bad, ugly and libav plugins, gst-rtsp-server and their development files, then try again"
}

require_nextest() {
    cargo nextest --version >/dev/null 2>&1 && return 0
    case " ${MAKECMDGOALS:-} " in *" test "* | *" test-newer "*) ;; *) return 0 ;; esac
    say "installing the test runner cargo-nextest with cargo (some minutes, once)"
    cargo install --quiet --locked cargo-nextest
}

require_cargo
if command -v dpkg-query >/dev/null 2>&1; then install_packages; else check_elsewhere; fi
require_nextest
