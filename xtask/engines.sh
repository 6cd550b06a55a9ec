#!/bin/sh
# Fetches the native inference engines from their PyPI wheels into target/engines, where the command finds them.
# Nothing is installed into the system; `rm -r` of the folder undoes it.
#
#   ENGINES   which of them; all: "onnxruntime openvino litert"
#   DEST      where to; `~/.local/share/edgevision/engines` serves every program of this user
set -eu
cd "$(dirname "$0")/.."

ENGINES=${ENGINES:-onnxruntime openvino litert}
DEST=${DEST:-target/engines}
MACHINE=$(uname -m)
WHEELS=$(mktemp -d)
trap 'rm -rf "$WHEELS" "$DEST"/.part.$$.*' EXIT
trap 'exit 130' INT TERM

say() { printf 'edgevision: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# The wheel's name, what is downloaded, what it takes on disk (x86-64). Versions and digests are in engines.txt.
wheel_of() {
    case $1 in
        onnxruntime) echo "onnxruntime 24MB 29MB" ;;
        openvino) echo "openvino 59MB 94MB" ;;
        litert) echo "ai-edge-litert 22MB 8MB" ;;
        *) fail "there is no engine \`$1\` to fetch; allowed are onnxruntime, openvino, litert" ;;
    esac
}

# Of each wheel only what runs a model on the processor, and its licences.
pattern_of() {
    case $1 in
        onnxruntime) echo 'onnxruntime/capi/libonnxruntime\.so\.[0-9.]+' ;;
        openvino) echo 'openvino/libs/lib(openvino|openvino_c|openvino_intel_cpu_plugin|openvino_ir_frontend|openvino_onnx_frontend|openvino_tensorflow_lite_frontend|tbb|tbbmalloc|tbbbind_[0-9_]+|hwloc)\.so[0-9.]*' ;;
        litert) echo 'ai_edge_litert/libLiteRt\.so' ;;
    esac
}

require_pip() {
    python3 -m pip --version >/dev/null 2>&1 && return 0
    as_root=""
    [ "$(id -u)" -eq 0 ] || as_root="sudo"
    command -v apt-get >/dev/null 2>&1 || fail "Python's pip is missing; install it and try again"
    say "installing with ${as_root:+sudo }apt-get: python3-pip"
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-pip >/dev/null
}

unpack() { # wheel, pattern, folder
    python3 - "$@" <<'PYTHON'
import pathlib, re, shutil, sys, zipfile

wheel, pattern, folder = sys.argv[1:]
licence = re.compile(r"[^/]+/(licenses?/)?[^/]*(LICEN[CS]E|NOTICE|third-?party)[^/]*", re.I)
folder = pathlib.Path(folder)
found = 0
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        library = re.fullmatch(pattern, name)
        if library or licence.fullmatch(name):
            with archive.open(name) as source, open(folder / name.rsplit("/", 1)[1], "wb") as target:
                shutil.copyfileobj(source, target)
        found += bool(library)
sys.exit(0 if found else f"there is no library in {wheel}")
PYTHON
}

fetch() {
    wheel=$(wheel_of "$1")
    read -r package download disk <<EOF
$wheel
EOF
    wanted=$(grep "^$package==" xtask/engines.txt)
    version=${wanted#*==}
    version=${version%% *}
    folder=$DEST/$1
    if [ "$(cat "$folder/VERSION" 2>/dev/null)" = "$version" ]; then
        say "$1 $version is in $folder"
        return 0
    fi
    say "fetching $1 $version: $download to download, $disk on disk, into $folder"
    echo "$wanted" >"$WHEELS/$1.txt"
    # The libraries are the same for every Python; the wheels of one are asked for by name.
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
        --python-version 3.12 --implementation cp --abi cp312 --platform "manylinux_2_28_$MACHINE" \
        --platform "manylinux_2_27_$MACHINE" --platform "manylinux_2_35_$MACHINE" \
        --require-hashes --requirement "$WHEELS/$1.txt" --dest "$WHEELS" ||
        fail "$1 could not be fetched (is there a network?); the embedded engine rten works without it"
    # Made beside and renamed, so that nobody sees half of it; under a name of its own, should another run do the same.
    part=$DEST/.part.$$.$1
    mkdir "$part"
    unpack "$WHEELS"/"$(echo "$package" | tr - _)"-*.whl "$(pattern_of "$1")" "$part"
    echo "$version" >"$part/VERSION"
    rm -rf "$folder"
    mv -T "$part" "$folder" 2>/dev/null || [ "$(cat "$folder/VERSION" 2>/dev/null)" = "$version" ] ||
        fail "$folder could not be written"
}

case $MACHINE in
    x86_64 | aarch64) ;;
    *) fail "there are no engines for $MACHINE, only for x86_64 and aarch64; the embedded engine rten works without them" ;;
esac
for engine in $ENGINES; do wheel_of "$engine" >/dev/null; done
# Before anything is downloaded.
if ! mkdir -p "$DEST" 2>/dev/null || [ ! -w "$DEST" ]; then
    fail "the folder $DEST cannot be written; set DEST to another one, such as ~/.local/share/edgevision/engines"
fi
require_pip
for engine in $ENGINES; do fetch "$engine"; done
