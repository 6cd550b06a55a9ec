#!/bin/sh
# Installs the GStreamer plugin and the modules that ship, or removes them: `plugin.sh install`, `plugin.sh uninstall`.
# It builds nothing; `make install-plugin` does that first.
#
#   PREFIX      where to, for example /usr/local; if empty: this user's data folder, where GStreamer looks by itself
#   DESTDIR     put before it, to gather a package without installing it
#   PLUGINSDIR  the folder for the plugin, if the one that pkg-config tells is not wanted
#   PROGRAMS    where the plugin was built; target/release
#   STRIP       what takes the symbols out of it; `true` leaves them in
set -eu
cd "$(dirname "$0")/.."

NAME=libgstedgevision.so
PREFIX=${PREFIX:-}
DESTDIR=${DESTDIR:-}
PROGRAMS=${PROGRAMS:-target/release}
STRIP=${STRIP:-strip --strip-unneeded}
DATA=${XDG_DATA_HOME:-${HOME:-}/.local/share}

say() { printf 'edgevision: %s\n' "$*"; }
fail() { say "$*" >&2; exit 1; }

searched_by_gstreamer() { pkg-config --variable=pluginsdir gstreamer-1.0 2>/dev/null || true; }

# Where this GStreamer would keep its plugins if it were installed in PREFIX.
plugins_below_prefix() {
    folder=$(pkg-config --define-variable=prefix="$PREFIX" --variable=pluginsdir gstreamer-1.0 2>/dev/null || true)
    case $folder in
        "$PREFIX"/*) printf '%s' "$folder" ;;
        *) printf '%s/lib/gstreamer-1.0' "$PREFIX" ;;
    esac
}

shipped_modules() {
    for manifest in guest-filters/filters/*/Cargo.toml; do
        printf '%s.wasm\n' "$(basename "$(dirname "$manifest")")"
    done
}

find_folders() {
    if [ -n "$PREFIX" ]; then
        case $PREFIX in /*) ;; *) fail "PREFIX is $PREFIX; it must begin with /" ;; esac
        plugins=${PLUGINSDIR:-$(plugins_below_prefix)}
        modules=$PREFIX/share/edgevision/modules
    else
        case $DATA in /?*) ;; *) fail "neither HOME nor XDG_DATA_HOME is set; set one, or give PREFIX=/usr/local" ;; esac
        plugins=${PLUGINSDIR:-$DATA/gstreamer-1.0/plugins}
        modules=$DATA/edgevision/modules
    fi
}

# Never writes into a file that a running pipeline has mapped.
place() { # MODE FILE FOLDER
    target=$3/$(basename "$2")
    if ! { mkdir -p "$3" && cp "$2" "$target.partial" && chmod "$1" "$target.partial"; }; then
        fail "$3 cannot be written; build first, then run as root: sudo PREFIX=$PREFIX PROGRAMS=$PROGRAMS xtask/plugin.sh install"
    fi
    case $target in *.so) $STRIP "$target.partial" ;; esac
    mv -f "$target.partial" "$target"
    say "installed $target ($(($(wc -c <"$target"))) bytes)"
}

how_to_check() {
    # With DESTDIR nothing is where it will be.
    [ -z "$DESTDIR" ] || return 0
    if [ "$plugins" = "$DATA/gstreamer-1.0/plugins" ] || [ "$plugins" = "$(searched_by_gstreamer)" ]; then
        say "check it: gst-inspect-1.0 edgevision"
    else
        say "check it: GST_PLUGIN_PATH=$plugins gst-inspect-1.0 edgevision"
        say "GStreamer does not look into $plugins by itself: put GST_PLUGIN_PATH into the environment of your programs"
    fi
}

install() {
    [ -f "$PROGRAMS/$NAME" ] || fail "$PROGRAMS/$NAME is not there; build it with make install-plugin"
    for module in $(shipped_modules); do
        [ -f "target/guests/$module" ] || fail "target/guests/$module is not there; build it with make guests"
    done
    place 755 "$PROGRAMS/$NAME" "$DESTDIR$plugins"
    for module in $(shipped_modules); do place 644 "target/guests/$module" "$DESTDIR$modules"; done
    how_to_check
}

remove() {
    [ -e "$1" ] || return 0
    rm -f "$1" || fail "$1 cannot be removed; run as root: sudo PREFIX=$PREFIX xtask/plugin.sh uninstall"
    say "removed $1"
}

# Only what ships: others may have put modules of their own beside ours.
uninstall() {
    remove "$DESTDIR$plugins/$NAME"
    for module in $(shipped_modules); do remove "$DESTDIR$modules/$module"; done
    rmdir "$DESTDIR$modules" "$(dirname "$DESTDIR$modules")" 2>/dev/null || true
}

find_folders
case ${1:-} in
    install) install ;;
    uninstall) uninstall ;;
    *) fail "plugin.sh install or plugin.sh uninstall?" ;;
esac
