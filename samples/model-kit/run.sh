#!/bin/sh
# The example of README.md, from start to end: teacher -> pruned -> student -> INT8 and .tflite, then one table.
#
#   samples/model-kit/run.sh WORK_DIR
#
# Needs `edgevision` on the PATH, ffmpeg, and a Python with requirements.txt (PYTHON=env/bin/python). Uses no network.
#   FRAMES=clip-or-camera  train with this source of your own instead of drawn scenes
#   SCENES=200             how many scenes to draw, eight frames each
#   MINUTES=8  KEEP=0.5    how long to train; the share of channels that stays
set -eu

if [ $# -ne 1 ]; then
    sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
    exit 64
fi
kit=$(cd "$(dirname "$0")" && pwd)
samples=$(dirname "$kit")
python=${PYTHON:-python3}
command -v edgevision >/dev/null || { echo "edgevision is not on the PATH; build it with \`make build\` and add target/release" >&2; exit 69; }
"$python" -c 'import torch, onnxruntime, ai_edge_quantizer' || {
    echo "$python lacks packages; install $kit/requirements.txt and give its interpreter as PYTHON" >&2
    exit 69
}
mkdir -p "$1"
cd "$1"

say() { printf '\n== %s\n' "$*"; }

if [ -z "${FRAMES:-}" ]; then
    say "drawing ${SCENES:-200} scenes"
    "$python" "$kit/scenes.py" scenes.mp4 --scenes "${SCENES:-200}"
fi
say "frames to train and calibrate with"
edgevision extract-frames "${FRAMES:-scenes.mp4}" --out frames --force --count 2000
say "frames to measure on: the clip, which nothing was trained with"
edgevision extract-frames "$samples/line3.mp4" --out clip --force

say "teacher -> pruned"
"$python" "$kit/prune.py" "$samples/line3.onnx" pruned.onnx --keep "${KEEP:-0.5}"
say "pruned -> student"
"$python" "$kit/distil.py" "$samples/line3.onnx" pruned.onnx frames student.onnx --minutes "${MINUTES:-8}"
say "INT8"
"$python" "$kit/quantize.py" "$samples/line3.onnx" frames teacher-int8.onnx
"$python" "$kit/quantize.py" student.onnx frames student-int8.onnx
say ".tflite"
"$python" "$kit/to_tflite.py" student.onnx student.tflite --check frames
"$python" "$kit/to_tflite.py" student.onnx student-int8.tflite --frames frames

say "all of them"
"$python" "$kit/compare.py" --frames clip --truth "$samples/line3.truth.json" \
    teacher="$samples/line3.onnx" "teacher, INT8=teacher-int8.onnx" pruned=pruned.onnx student=student.onnx \
    "student, INT8=student-int8.onnx" "student, TFLite=student.tflite" "student, TFLite INT8=student-int8.tflite"
