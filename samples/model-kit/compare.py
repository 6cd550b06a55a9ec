"""One table: size, milliseconds and mAP of several models side by side.

    python compare.py --frames clip/ --truth ../line3.truth.json teacher=../line3.onnx student=student.onnx int8=student-int8.onnx

`clip/` holds frames by `edgevision extract-frames` with their manifest.json; the truth is a JSON file like line3.truth.json:
`labels`, and `truth[frame].objects[]` with `label`, `box` (x0, y0, x1, y1 in pixels) and `visible` (0 to 1). Milliseconds
are the least and the median of bare inference with one thread, the models taking turns: ONNX Runtime for .onnx, LiteRT
for .tflite. On a machine with other work the least is the steadier figure.
mAP is COCO's average precision at IoU 0.5; objects that are seen less than --visible are left out. For models with YOLOX
outputs. `edgevision bench` measures the same models inside edgevision, on all engines.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

import common
import detections

FLOOR = 0.01  # least score; low, for the whole curve of precision over recall
ROUNDS, RUNS = 20, 10
COLUMNS = ("step", "file", "KB", "ms (least)", "ms (p50)", "mAP@0.5")


def named(text: str) -> tuple[str, Path]:
    name, _, path = text.rpartition("=")
    path = Path(path)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"{path}: no such model")
    return name or path.stem, path


def opened(path: Path, like):
    if path.suffix != ".tflite":
        return common.session(path)
    from to_tflite import Lite

    return Lite(path, like)


def truth_of(folder: Path, file: Path, letterbox: common.Letterbox) -> tuple[list[Path], list[np.ndarray]]:
    """Pictures, and what is in them in pixels of the network."""
    try:
        manifest, told = json.loads((folder / "manifest.json").read_text()), json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise SystemExit(f"{error}; --frames wants a folder by `edgevision extract-frames`, --truth a JSON file") from error
    paths, truth = [], []
    for entry in manifest["frames"]:
        gain = letterbox.fit(entry["width"], entry["height"])[0] / entry["width"]
        objects = told["truth"][entry["frame"]]["objects"]
        rows = [[v * gain for v in thing["box"]] + [told["labels"].index(thing["label"]), thing["visible"]] for thing in objects]
        paths.append(folder / entry["file"])
        truth.append(np.array(rows, float).reshape(-1, 6))
    return paths, truth


def times(sessions: list, tensor: np.ndarray) -> list[tuple[float, float]]:
    """Least and median of each in milliseconds. They take turns: what else the machine does then hits all alike."""
    taken = [[] for _ in sessions]
    for session in sessions:
        session.run(None, {session.get_inputs()[0].name: tensor})
    for _ in range(ROUNDS):
        for session, mine in zip(sessions, taken):
            for _ in range(RUNS):
                start = time.perf_counter()
                session.run(None, {session.get_inputs()[0].name: tensor})
                mine.append(1e3 * (time.perf_counter() - start))
    return [(min(mine), float(np.median(mine))) for mine in taken]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=named, nargs="+", metavar="NAME=FILE", help="models of the same input; the first is ONNX")
    parser.add_argument("--frames", type=Path, required=True, help="a folder by `edgevision extract-frames`, never trained or calibrated with")
    parser.add_argument("--truth", type=Path, required=True, help="what is in these frames")
    parser.add_argument("--visible", type=float, default=0.5, help="least visible share of an object (default %(default)s)")
    common.add_letterbox_options(parser)
    options = parser.parse_args()

    first = common.session(options.models[0][1])
    if not detections.is_yolox(first):
        parser.error(f"{options.models[0][1]}: its output is none of YOLOX")
    letterbox = common.letterbox_of(options, first.get_inputs()[0].shape)
    files, truth = truth_of(options.frames, options.truth, letterbox)
    tensors = [letterbox.read(file) for file in files]
    sessions = [opened(path, first) for _, path in options.models]
    taken = times(sessions, tensors[0])
    rows = [COLUMNS, ("---", "---", "---:", "---:", "---:", "---:")]
    for (name, path), session, (least, median) in zip(options.models, sessions, taken):
        found = [detections.of(session, tensor, FLOOR) for tensor in tensors]
        mean = float(np.mean(detections.average_precision(found, truth, options.visible)))
        rows.append((name, f"`{path.name}`", f"{path.stat().st_size / 1000:.0f}", f"{least:.2f}", f"{median:.2f}", f"{mean:.3f}"))
    print("\n".join("| " + " | ".join(row) + " |" for row in rows))


if __name__ == "__main__":
    main()
