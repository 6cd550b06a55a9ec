"""Detections of models with YOLOX outputs, how far two models agree, and average precision against a ground truth."""

from __future__ import annotations

import numpy as np

STRIDES = (8, 16, 32)
NMS_IOU = 0.45


def is_yolox(session) -> bool:
    """One output [1, cells, 4 + 1 + classes] with the cells of strides 8, 16 and 32."""
    shape, outputs = session.get_inputs()[0].shape, session.get_outputs()
    fits = len(outputs) == 1 and len(outputs[0].shape) == 3 and len(shape) == 4
    return fits and outputs[0].shape[1] == len(grid(shape[2], shape[3])) and outputs[0].shape[2] > 5


def grid(height: int, width: int) -> np.ndarray:
    """Column, row and stride of every output row."""
    rows = []
    for stride in STRIDES:
        y, x = np.mgrid[0:height // stride, 0:width // stride]
        rows.append(np.stack([x.ravel(), y.ravel(), np.full(x.size, stride)], 1))
    return np.concatenate(rows).astype(np.float32)


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Of each box of `a` with each of `b`; corners."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:4], b[None, :, 2:4])
    both = np.prod(np.clip(high - low, 0, None), 2)
    area = lambda x: np.prod(np.clip(x[:, 2:4] - x[:, :2], 0, None), 1)
    return both / np.maximum(area(a)[:, None] + area(b)[None] - both, 1e-9)


def decode(rows: np.ndarray, height: int, width: int, floor: float) -> np.ndarray:
    """One output [cells, 5 + classes] to [n, 6]: corners in pixels of the network, class, score; after NMS per class."""
    cells = grid(height, width)
    middle, half = (rows[:, :2] + cells[:, :2]) * cells[:, 2:], np.exp(rows[:, 2:4]) * cells[:, 2:] / 2
    boxes = np.clip(np.concatenate([middle - half, middle + half], 1), 0, [width, height, width, height])
    scores = rows[:, 4:5] * rows[:, 5:]
    cell, kind = np.nonzero(scores >= floor)
    found = np.column_stack([boxes[cell], kind, scores[cell, kind]])
    kept = []
    for k in np.unique(kind):
        mine = found[found[:, 4] == k]
        mine = mine[np.argsort(-mine[:, 5], kind="stable")]
        overlap, alive = iou(mine, mine), np.ones(len(mine), bool)
        for i in range(len(mine)):
            if alive[i]:
                alive[i + 1:] &= overlap[i, i + 1:] <= NMS_IOU
        kept.append(mine[alive])
    return np.concatenate(kept) if kept else np.zeros((0, 6))


def of(session, tensor: np.ndarray, floor: float) -> np.ndarray:
    """What a model finds in one frame."""
    value = session.get_inputs()[0]
    return decode(session.run(None, {value.name: tensor})[0][0], value.shape[2], value.shape[3], floor)


def found_again(wanted: np.ndarray, there: np.ndarray, least_iou: float) -> int:
    """How many have a partner of their class; each partner serves once."""
    free, hits = np.ones(len(there), bool), 0
    for box in wanted[np.argsort(-wanted[:, 5], kind="stable")]:
        overlap = np.where(free & (there[:, 4] == box[4]), iou(box[None], there)[0], -1) if len(there) else np.zeros(0)
        if len(overlap) and overlap.max() >= least_iou:
            free[overlap.argmax()] = False
            hits += 1
    return hits


def agreement(first, second, tensors: list[np.ndarray], score: float = 0.5, least_iou: float = 0.75) -> float:
    """Share of each one's sure detections that the other has, too (with a little less score, if it must be)."""
    hits = total = 0
    for tensor in tensors:
        both = [of(session, tensor, 0.8 * score) for session in (first, second)]
        for wanted, there in (both, both[::-1]):
            sure = wanted[wanted[:, 5] >= score]
            hits, total = hits + found_again(sure, there, least_iou), total + len(sure)
    return hits / max(total, 1)


def average_precision(found: list[np.ndarray], truth: list[np.ndarray], least_visible: float) -> list[float]:
    """COCO's 101-point AP at IoU 0.5 for each class. `truth` holds [n, 6]: corners, class, visible share. Objects seen
    less than that need not be found, and what is found there is not counted as wrong."""
    kinds = sorted({int(k) for rows in truth for k in rows[:, 4]})
    return [class_precision(found, truth, kind, least_visible) for kind in kinds]


def class_precision(found, truth, kind: int, least_visible: float) -> float:
    scores, hits, count = [], [], 0
    for boxes, rows in zip(found, truth):
        mine = rows[(rows[:, 4] == kind) & (rows[:, 5] >= least_visible)]
        hidden, count, taken = rows[rows[:, 5] < least_visible], count + len(mine), np.zeros(len(mine), bool)
        pick = boxes[boxes[:, 4] == kind]
        for box in pick[np.argsort(-pick[:, 5], kind="stable")]:
            overlap = np.where(taken, -1, iou(box[None], mine)[0]) if len(mine) else np.zeros(0)
            hit = len(overlap) > 0 and overlap.max() >= 0.5
            if hit:
                taken[overlap.argmax()] = True
            elif len(hidden) and iou(box[None], hidden)[0].max() >= 0.5:
                continue
            scores.append(box[5]), hits.append(hit)
    order = np.argsort(-np.array(scores), kind="stable")
    right = np.cumsum(np.array(hits)[order]) if hits else np.zeros(0)
    recall, precision = right / max(count, 1), right / np.arange(1, len(right) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, np.linspace(0, 1, 101), side="left")
    return float(np.mean([precision[i] if i < len(precision) else 0.0 for i in at]))
