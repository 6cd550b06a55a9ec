"""Metrics of the exported model, through ONNX Runtime, on real decoded frames.

    python evaluate.py WORK_DIR [line3.onnx]

Prints average precision and precision/recall on the held-out set and on every
frame of the shipped clip, and writes WORK_DIR/metrics.json.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

STRIDES = (8, 16, 32)
WIDTH, HEIGHT = 320, 192
NMS_IOU = 0.45
SCORE_FLOOR = 0.01  # for the precision/recall curve only
SAMPLES = Path(__file__).resolve().parent.parent


def cell_grid():
    """Column, row and stride of every output row."""
    rows = []
    for s in STRIDES:
        gy, gx = np.mgrid[0:HEIGHT // s, 0:WIDTH // s]
        rows.append(np.stack([gx.ravel(), gy.ravel(), np.full(gx.size, s)], 1))
    return np.concatenate(rows).astype(np.float32)


GRID = cell_grid()


def iou_matrix(a, b):
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    both = np.prod(np.clip(high - low, 0, None), 2)
    area = lambda x: np.prod(np.clip(x[:, 2:] - x[:, :2], 0, None), 1)
    return both / np.maximum(area(a)[:, None] + area(b)[None] - both, 1e-9)


def decode(rows, floor=SCORE_FLOOR):
    """One frame's output [n, 5 + classes] to boxes, classes and scores after NMS."""
    centre = (rows[:, :2] + GRID[:, :2]) * GRID[:, 2:]
    half = np.exp(rows[:, 2:4]) * GRID[:, 2:] / 2
    boxes = np.concatenate([centre - half, centre + half], 1)
    boxes = np.clip(boxes, 0, [WIDTH, HEIGHT - 12, WIDTH, HEIGHT - 12])  # the picture ends at row 180
    scores = rows[:, 4:5] * rows[:, 5:]
    cell, kind = np.nonzero(scores >= floor)
    boxes, scores = boxes[cell], scores[cell, kind]
    keep = []
    for k in np.unique(kind):
        order = np.nonzero(kind == k)[0]
        order = order[np.argsort(-scores[order], kind="stable")]
        overlap = iou_matrix(boxes[order], boxes[order])
        alive = np.ones(len(order), bool)
        for i in range(len(order)):
            if alive[i]:
                keep.append(order[i])
                alive[i + 1:] &= overlap[i, i + 1:] <= NMS_IOU
    keep = np.array(keep, int)
    return boxes[keep], kind[keep], scores[keep]


def match(detections, truth, min_visible):
    """Greedy matching by score at IoU 0.5, per class. Objects seen less than
    `min_visible` are ignored: they need not be found, and a detection of any
    class that fits one of them is dropped instead of counted as wrong.
    Returns (score, hit) lists and the number of objects, per class."""
    result = {k: ([], []) for k in range(3)}
    count = np.zeros(3, int)
    for (boxes, kinds, scores), rows in zip(detections, truth):
        rows = rows[rows[:, 4] >= 0]
        wanted, ignored = rows[rows[:, 5] >= min_visible], rows[rows[:, 5] < min_visible]
        for k in range(3):
            mine = wanted[wanted[:, 4] == k]
            count[k] += len(mine)
            pick = np.nonzero(kinds == k)[0]
            pick = pick[np.argsort(-scores[pick], kind="stable")]
            overlap = iou_matrix(boxes[pick], mine[:, :4])
            other = iou_matrix(boxes[pick], ignored[:, :4]).max(1, initial=0)
            taken = np.zeros(len(mine), bool)
            for i, p in enumerate(pick):
                free = np.where(taken, -1, overlap[i]) if len(mine) else np.zeros(0)
                best = int(free.argmax()) if len(mine) else -1
                if best >= 0 and free[best] >= 0.5:
                    taken[best] = True
                    result[k][0].append(scores[p]), result[k][1].append(1)
                elif other[i] < 0.5:
                    result[k][0].append(scores[p]), result[k][1].append(0)
    return result, count


def average_precision(scores, hits, count):
    """COCO's 101-point interpolated AP."""
    order = np.argsort(-np.array(scores), kind="stable")
    hits = np.array(hits)[order]
    recall = np.cumsum(hits) / max(count, 1)
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, np.linspace(0, 1, 101), side="left")
    return float(np.mean([precision[i] if i < len(precision) else 0.0 for i in at]))


def summary(detections, truth, thresholds=(0.25, 0.5, 0.75)):
    report = {"frames": len(truth)}
    for min_visible in (0.25, 0.5):
        result, count = match(detections, truth, min_visible)
        part = {"objects": count.tolist(), "ap50": [round(average_precision(*result[k], count[k]), 4) for k in range(3)]}
        part["map50"] = round(float(np.mean(part["ap50"])), 4)
        scores = np.concatenate([result[k][0] for k in range(3)])
        hits = np.concatenate([result[k][1] for k in range(3)])
        for t in thresholds:
            tp, n = hits[scores >= t].sum(), (scores >= t).sum()
            part[f"at_{t}"] = {"precision": round(float(tp / max(n, 1)), 4), "recall": round(float(tp / count.sum()), 4),
                               "false_positives": int(n - tp), "missed": int(count.sum() - tp)}
        report[f"visible>={min_visible}"] = part
    return report


def clip_frames():
    """The clip's pictures and truth in network pixels."""
    import clip
    import data

    frames = clip.decode(SAMPLES / "line3.mp4")
    pictures = np.stack([data.preprocess(f) for f in frames])
    told = json.loads((SAMPLES / "line3.truth.json").read_text())
    truth = np.full((len(frames), data.MAX_OBJECTS, 6), -1, np.float32)
    for rows, frame in zip(truth, told["truth"]):
        for row, thing in zip(rows, frame["objects"]):
            row[:] = [v / 2 for v in thing["box"]] + [told["labels"].index(thing["label"]), thing["visible"]]
    return pictures, truth


def main(work: Path, model: Path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])

    def run(pictures):
        nchw = (p.astype(np.float32).transpose(2, 0, 1)[None] for p in pictures)
        return [decode(session.run(["output"], {"images": x})[0][0]) for x in nchw]

    stored = np.load(work / "held_out.npz")
    report = {}
    for name, (pictures, truth) in (("held_out", (stored["pictures"], stored["truth"])), ("clip", clip_frames())):
        report[name] = summary(run(pictures), truth)
        for part, values in report[name].items():
            print(name, part, values)
    (work / "metrics.json").write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else SAMPLES / "line3.onnx")
