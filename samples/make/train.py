"""Trains the detector on the rendered frames. CPU is enough.

    python train.py WORK_DIR [MINUTES] [--continue]

The learning rate follows the spent share of the time budget, so a slower
machine gets fewer steps instead of an unfinished schedule.
"""

from __future__ import annotations

import copy
import math
import os
import sys
import time
from pathlib import Path

# waiting threads must not spin: on a shared machine that costs more than it saves
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import evaluate

SEED = 7
CLASSES = 3
BATCH = 16
TRAIN_VISIBLE = 0.25  # objects seen less are neither wanted nor punished


# --------------------------------------------------------------------------
# Network: only Conv, Relu, MaxPool, Add, Concat, Resize and Sigmoid


def conv(c_in, c_out, k=3, stride=1, groups=1, pad=None):
    return nn.Sequential(nn.Conv2d(c_in, c_out, k, stride, k // 2 if pad is None else pad, groups=groups, bias=False),
                         nn.BatchNorm2d(c_out, eps=1e-3, momentum=0.03), nn.ReLU(inplace=True))


def separable(c_in, c_out, stride=1, k=3):
    return nn.Sequential(conv(c_in, c_in, k, stride, c_in), conv(c_in, c_out, 1))


class Residual(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.body = separable(c, c)

    def forward(self, x):
        return x + self.body(x)


class Detector(nn.Module):
    def __init__(self, neck=56):
        super().__init__()
        # one 6x6 stride 4 convolution instead of two 3x3 stride 2: no feature map
        # at half resolution, which would cost more time than all that follows
        self.stem = conv(3, 24, 6, 4, pad=1)
        self.detail = conv(24, 24)  # residual; a cap is only nine pixels wide
        nn.init.constant_(self.detail[1].weight, 0.2)
        self.stage3 = nn.Sequential(conv(24, 40, 3, 2), Residual(40), Residual(40))
        self.stage4 = nn.Sequential(conv(40, 72, 3, 2), Residual(72), Residual(72))
        self.stage5 = nn.Sequential(separable(72, 112, 2), Residual(112))
        self.pool = nn.MaxPool2d(5, 1, 2)
        self.after_pool = conv(224, 96, 1)
        self.lateral = nn.ModuleList([conv(40, neck, 1), conv(72, neck, 1), conv(96, neck, 1)])
        self.down_mix = nn.ModuleList([separable(neck, neck, k=5), separable(neck, neck, k=5)])
        self.up = nn.ModuleList([separable(neck, neck, 2), separable(neck, neck, 2)])
        self.tower = nn.ModuleList([nn.Sequential(separable(neck, neck, k=5), separable(neck, neck, k=5)) for _ in range(3)])
        self.class_out = nn.ModuleList([nn.Conv2d(neck, CLASSES, 1) for _ in range(3)])
        self.box_out = nn.ModuleList([nn.Conv2d(neck, 4, 1) for _ in range(3)])
        self.object_out = nn.ModuleList([nn.Conv2d(neck, 1, 1) for _ in range(3)])
        self.hint_out = nn.Conv2d(40, 2, 1)  # training only, see hint_loss
        for layer in list(self.class_out) + list(self.object_out) + [self.hint_out]:
            nn.init.constant_(layer.bias, -4.0)

    def forward(self, x, with_hint=False):
        """BGR bytes as floats in, [batch, cells, 5 + classes] of logits out."""
        x = x * (1 / 255)
        x = self.stem(x)
        c3 = self.stage3(x + self.detail(x))
        c4 = self.stage4(c3)
        c5 = self.stage5(c4)
        c5 = self.after_pool(torch.cat([c5, self.pool(c5)], 1))
        p5 = self.lateral[2](c5)
        p4 = self.down_mix[1](self.lateral[1](c4) + F.interpolate(p5, scale_factor=2.0, mode="nearest"))
        p3 = self.down_mix[0](self.lateral[0](c3) + F.interpolate(p4, scale_factor=2.0, mode="nearest"))
        p4 = p4 + self.up[0](p3)
        p5 = p5 + self.up[1](p4)
        rows = []
        for i, p in enumerate((p3, p4, p5)):
            p = self.tower[i](p)
            out = torch.cat([self.box_out[i](p), self.object_out[i](p), self.class_out[i](p)], 1)
            rows.append(out.flatten(2))
        rows = torch.cat(rows, 2).transpose(1, 2)
        return (rows, self.hint_out(c3)) if with_hint else rows


# --------------------------------------------------------------------------
# Loss: YOLOX's, with its SimOTA assignment done for the whole batch at once

GRID = torch.from_numpy(evaluate.GRID)


def decode_boxes(out):
    centre = (out[..., :2] + GRID[:, :2]) * GRID[:, 2:]
    half = torch.exp(out[..., 2:4].clamp(-6, 6)) * GRID[:, 2:] / 2
    return torch.cat([centre - half, centre + half], -1)


def pair_iou(a, b):
    low, high = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    both = (high - low).clamp(min=0).prod(-1)
    area = lambda x: (x[..., 2:] - x[..., :2]).clamp(min=0).prod(-1)
    return both / (area(a) + area(b) - both + 1e-6)


def assign(boxes, out, truth):
    """For every cell the index of the object it must predict, or -1."""
    with torch.no_grad():
        wanted = (truth[..., 4] >= 0) & (truth[..., 5] >= TRAIN_VISIBLE)  # [B, G]
        target = truth[..., None, :4]  # [B, G, 1, 4]
        cell = (GRID[:, :2] + 0.5) * GRID[:, 2:]
        middle = (target[..., :2] + target[..., 2:]) / 2
        in_box = ((cell > target[..., :2]) & (cell < target[..., 2:])).all(-1)
        near = ((cell - middle).abs() < 1.5 * GRID[:, 2:]).all(-1)
        iou = pair_iou(boxes[:, None], target)
        score = torch.sigmoid(out[..., 4:5]) * torch.sigmoid(out[..., 5:])
        kind = truth[..., 4].clamp(min=0).long()
        mine = torch.gather(score.transpose(1, 2), 1, kind[..., None].expand(-1, -1, out.shape[1]))
        cost = -torch.log(mine.clamp(min=1e-6)) - 3 * torch.log(iou.clamp(min=1e-6))
        cost = cost + 1e4 * ~(in_box & near) + 1e5 * ~(in_box | near)
        dynamic = torch.topk(torch.where(in_box | near, iou, torch.zeros_like(iou)), 10, -1).values.sum(-1).clamp(1, 10).int()
        best = torch.topk(cost, 10, -1, largest=False)
        use = (torch.arange(10) < dynamic[..., None]) & wanted[..., None] & (best.values < 1e5)
        chosen = torch.full_like(cost, float("inf"))
        chosen.scatter_(-1, best.indices, torch.where(use, best.values, torch.full_like(best.values, float("inf"))))
        lowest, owner = chosen.min(1)
        owner = torch.where(torch.isfinite(lowest), owner, torch.full_like(owner, -1))
        barely_seen = (truth[..., 4] >= 0) & (truth[..., 5] < TRAIN_VISIBLE)
        ignored = (in_box & barely_seen[..., None]).any(1) & ~(in_box & wanted[..., None]).any(1)
    return owner, ignored


def hint_loss(hint, truth):
    """Says where to look. Only the cap tells `good` from `missing_cap`, and it
    is four cells above the middle of the bottle, where the class is predicted:
    left alone, training stays for long at guessing. So the early features also
    have to tell cap from open thread at the place where it is."""
    stride = 8
    rows, cols = hint.shape[2:]
    x = (torch.arange(cols) + 0.5) * stride
    y = (torch.arange(rows)[:, None] + 0.5) * stride
    x0, y0, x1, y1 = (truth[..., i, None, None] for i in range(4))
    whole = (truth[..., 5] > 0.6) & (truth[..., 0] > 1) & (truth[..., 2] < evaluate.WIDTH - 1)
    head = whole[..., None, None] & ((x - (x0 + x1) / 2).abs() < 0.27 * (x1 - x0)) & (y > y0) & (y < y0 + 0.2 * (y1 - y0))
    wanted = torch.stack([(head & (truth[..., 4, None, None] == k)).any(1) for k in (0, 1)], 1).float()
    return F.binary_cross_entropy_with_logits(hint, wanted, reduction="sum") / wanted.sum().clamp(min=1)


def loss_of(out, truth):
    boxes = decode_boxes(out)
    owner, ignored = assign(boxes, out, truth)
    positive = owner >= 0
    total = positive.sum().clamp(min=1)
    picked = torch.gather(truth, 1, owner.clamp(min=0)[..., None].expand(-1, -1, 6))[positive]
    iou = pair_iou(boxes[positive], picked[:, :4])
    box_loss = (1 - iou * iou).sum()
    grid = GRID.expand(len(out), -1, -1)[positive]
    size = (picked[:, 2:4] - picked[:, :2]).clamp(min=1)
    raw = torch.cat([(picked[:, :2] + picked[:, 2:4]) / 2 / grid[:, 2:] - grid[:, :2], torch.log(size / grid[:, 2:])], 1)
    l1 = F.l1_loss(out[positive][:, :4], raw, reduction="sum")
    object_loss = F.binary_cross_entropy_with_logits(out[..., 4], positive.float(), reduction="none")[~ignored].sum()
    class_loss = F.binary_cross_entropy_with_logits(out[positive][:, 5:], F.one_hot(picked[:, 4].long(), CLASSES).float(), reduction="sum")
    return (5 * box_loss + 0.5 * l1 + object_loss + 3 * class_loss) / total


# --------------------------------------------------------------------------
# Data


def augment(rng, picture, rows):
    """Mirror, a crop that always fills the picture, and a change of light."""
    picture, rows = picture[:180], rows.copy()
    height, width = picture.shape[:2]
    there = rows[:, 4] >= 0
    if rng.random() < 0.5:
        picture = picture[:, ::-1]
        rows[:, [0, 2]] = np.where(there[:, None], width - rows[:, [2, 0]], rows[:, [0, 2]])
    if rng.random() < 0.6:
        zoom = rng.uniform(1.0, 1.22)
        dx, dy = rng.uniform(0, width - width / zoom), rng.uniform(0, height - height / zoom)
        matrix = np.float32([[zoom, 0, -dx * zoom], [0, zoom, -dy * zoom]])
        picture = cv2.warpAffine(np.ascontiguousarray(picture), matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        moved = (rows[:, :4] - [dx, dy, dx, dy]) * zoom
        cut = np.clip(moved, 0, [width, height, width, height])
        area = lambda b: np.clip(b[:, 2] - b[:, 0], 0, None) * np.clip(b[:, 3] - b[:, 1], 0, None)
        rows[:, 5] *= area(cut) / np.maximum(area(moved), 1e-6)
        rows[:, :4] = cut
        rows[:, 4] = np.where(there & (area(cut) > 1), rows[:, 4], -1)
    picture = picture.astype(np.float32)
    if rng.random() < 0.7:
        picture = (picture - 114) * rng.uniform(0.8, 1.2) + 114 * rng.uniform(0.75, 1.25)
        picture = np.clip(picture * rng.uniform(0.93, 1.07, 3), 0, 255)
    full = np.full((192, width, 3), 114, np.float32)
    full[:180] = picture
    return full, rows


def batches(pictures, truth, rng):
    while True:
        order = rng.permutation(len(pictures))
        for i in range(0, len(order) - BATCH + 1, BATCH):
            done = [augment(rng, pictures[j], truth[j]) for j in order[i:i + BATCH]]
            x = torch.from_numpy(np.stack([d[0] for d in done])).permute(0, 3, 1, 2)
            used = max(1, int(max((d[1][:, 4] >= 0).nonzero()[0].max(initial=0) for d in done)) + 1)
            yield x.contiguous(memory_format=torch.channels_last), torch.from_numpy(np.stack([d[1][:used] for d in done]))


def check(model, pictures, truth):
    """mAP of a PyTorch model; `evaluate.py` repeats it on the exported file."""
    model.eval()
    found = []
    with torch.no_grad():
        for i in range(0, len(pictures), 50):
            x = torch.from_numpy(pictures[i:i + 50].astype(np.float32)).permute(0, 3, 1, 2)
            out = model(x)
            out = torch.cat([out[..., :4], torch.sigmoid(out[..., 4:])], -1).numpy()
            found += [evaluate.decode(o) for o in out]
    report = evaluate.summary(found, truth)
    return {k: (v["map50"], v["ap50"], v["at_0.5"]) for k, v in report.items() if k != "frames"}


def main(work: Path, minutes: float, resume: bool):
    torch.manual_seed(SEED + resume)
    torch.set_num_threads(2)
    cv2.setNumThreads(1)
    rng = np.random.default_rng(SEED + resume)
    stored = [np.load(work / name) for name in ("train.npz", "crowded.npz")]
    pictures, truth = (np.concatenate([s[key] for s in stored]) for key in ("pictures", "truth"))
    held = np.load(work / "held_out.npz")
    model = Detector().to(memory_format=torch.channels_last)
    if resume:
        model.load_state_dict(torch.load(work / "detector.pt", weights_only=True), strict=False)
    average = copy.deepcopy(model)
    print("parameters", sum(p.numel() for p in model.parameters()), "pictures", len(pictures), flush=True)
    decay = [p for p in model.parameters() if p.ndim > 1]
    rest = [p for p in model.parameters() if p.ndim <= 1]
    optimiser = torch.optim.AdamW([{"params": decay, "weight_decay": 0.02}, {"params": rest, "weight_decay": 0.0}], lr=1e-3)
    start, step, seen = time.time(), 0, 0.0
    for x, target in batches(pictures, truth, rng):
        spent = (time.time() - start) / (60 * minutes)
        if spent >= 1:
            break
        rate = 2.5e-3 * min(1.0, (step + 1) / 120) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * spent)))
        for group in optimiser.param_groups:
            group["lr"] = rate
        model.train()
        out, hint = model(x, with_hint=True)
        loss = loss_of(out, target) + hint_loss(hint, target)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimiser.step()
        step += 1
        keep = min(0.998, (1 + step) / (20 + step))
        with torch.no_grad():
            for a, b in zip(average.state_dict().values(), model.state_dict().values()):
                if a.dtype.is_floating_point:
                    a.lerp_(b, 1 - keep)
                else:
                    a.copy_(b)
        seen = 0.97 * seen + 0.03 * loss.item() if step > 1 else loss.item()
        if step % 50 == 0:
            print(f"step {step} share {spent:.3f} loss {seen:.3f} hint {hint_loss(hint, target).item():.3f} {time.time() - start:.0f} s", flush=True)
        if step % 400 == 0:
            torch.save(average.state_dict(), work / "detector.pt")
            print(check(copy.deepcopy(average), held["pictures"][::5], held["truth"][::5]), flush=True)
    torch.save(average.state_dict(), work / "detector.pt")
    print(step, "steps", check(average, held["pictures"], held["truth"]), flush=True)


if __name__ == "__main__":
    words = [w for w in sys.argv[1:] if not w.startswith("--")]
    main(Path(words[0]), float(words[1]) if len(words) > 1 else 30, "--continue" in sys.argv)
