"""Trains a small detector to answer like a large one, on pictures without labels.

    python distil.py teacher.onnx pruned.onnx frames/ student.onnx --minutes 8

The student is an ONNX file with the same input and outputs as the teacher, such as prune.py makes. Both see the same
pictures (mirrored, cropped, in other light); where the teacher sees an object, the student is to say the same class and
box. A student by prune.py is also to have the teacher's features in the channels that it kept: that teaches far more
quickly than the outputs alone. For outputs of YOLOX ([1, cells, 4 + 1 + classes], scores through sigmoids); `--loss plain` takes any output and just
asks for the same numbers. CPU is enough; the learning rate follows the share of the time that is spent.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import os
import time
from pathlib import Path

# waiting threads must not spin: on a shared machine that costs more than it saves
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from PIL import Image

import common
from onnx_torch import OnnxModule
from prune import KEPT

SEED = 7
BATCH = 16
WARM_UP = 50  # steps
FEATURES = 10.0  # weight of the features' loss


def augment(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """Mirror, a crop of the same shape, and a change of light; bytes HWC in and out."""
    height, width = picture.shape[:2]
    if rng.random() < 0.5:
        picture = picture[:, ::-1]
    if rng.random() < 0.6:
        zoom = rng.uniform(1.0, 1.25)
        left, top = rng.uniform(0, width - width / zoom), rng.uniform(0, height - height / zoom)
        box = (left, top, left + width / zoom, top + height / zoom)
        picture = np.asarray(Image.fromarray(np.ascontiguousarray(picture)).resize((width, height), Image.Resampling.BILINEAR, box))
    if rng.random() < 0.7:
        light = (picture.astype(np.float32) - 114) * rng.uniform(0.8, 1.2) + 114 * rng.uniform(0.75, 1.25)
        picture = np.clip(light * rng.uniform(0.93, 1.07, 3), 0, 255).astype(np.uint8)
    return picture


def batches(pictures: list[np.ndarray], letterbox: common.Letterbox, rng: np.random.Generator):
    while True:
        order = rng.permutation(len(pictures))
        for i in range(0, max(1, len(order) - BATCH + 1), BATCH):
            yield np.concatenate([letterbox.tensor(augment(rng, pictures[j])) for j in order[i:i + BATCH]])


def yolox_loss(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Logits of the student against scores of the teacher: objectness everywhere, box and class where the teacher sees
    something. Both boxes are offsets from the same cell, in its units."""
    sure = teacher[..., 4]
    near = (student[..., :2] - teacher[..., :2]).abs() + (student[..., 2:4] - teacher[..., 2:4]).abs()
    entropy = F.binary_cross_entropy_with_logits(student[..., 4:], teacher[..., 4:], reduction="none")
    # What the teacher itself is unsure of costs nobody anything: only the difference counts.
    entropy = entropy - F.binary_cross_entropy(teacher[..., 4:], teacher[..., 4:], reduction="none")
    total = entropy[..., 0].sum() + 2 * (sure[..., None] * entropy[..., 1:]).sum() + 2 * (sure * near.sum(-1)).sum()
    return total / sure.sum().clamp(min=1)


def plain_loss(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    return F.smooth_l1_loss(student, teacher)


def kept_channels(student: onnx.ModelProto) -> dict[str, torch.Tensor]:
    """The teacher's channels that each tensor of a pruned student still has, by the tensor's name."""
    notes = {entry.key: entry.value for entry in student.metadata_props}
    return {name: torch.tensor(kept) for name, kept in json.loads(notes.get(KEPT, "{}")).items()}


def feature_loss(student: list[torch.Tensor], teacher: list[torch.Tensor], kept: list[torch.Tensor]) -> torch.Tensor:
    """Mean squared difference relative to the teacher's own size, mean over the tensors."""
    parts = []
    for mine, theirs, channels in zip(student, teacher, kept):
        theirs = theirs[:, channels]
        parts.append(F.mse_loss(mine, theirs) / theirs.square().mean().clamp(min=1e-6))
    return torch.stack(parts).mean()


def train(teacher: OnnxModule, student: OnnxModule, kept: dict, feed, loss_of, logits: bool, minutes: float, rate: float) -> OnnxModule:
    """Returns the average of the student's last states."""
    names, channels = list(kept), list(kept.values())
    sigmoid = lambda out: torch.cat([out[..., :4], torch.sigmoid(out[..., 4:])], -1) if logits else out
    average = copy.deepcopy(student)
    optimiser = torch.optim.AdamW(student.parameters(), lr=rate, weight_decay=0.01)
    start, step, seen = time.time(), 0, None
    for pictures in feed:
        spent = (time.time() - start) / (60 * minutes)
        if spent >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / WARM_UP) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * spent)))
        x = torch.from_numpy(pictures).contiguous(memory_format=torch.channels_last)
        if names:
            with torch.no_grad():
                wanted, theirs = teacher(x, logits, names)
            out, mine = student(x, logits, names)
            loss = loss_of(out, sigmoid(wanted)) + FEATURES * feature_loss(mine, theirs, channels)
        else:
            with torch.no_grad():
                wanted = teacher(x, logits)
            loss = loss_of(student(x, logits), sigmoid(wanted))
        if not torch.isfinite(loss):
            raise SystemExit(f"step {step}: the loss is {loss.item()}; try a lower --rate than {rate}")
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 5.0)
        optimiser.step()
        step += 1
        keep = min(0.997, (1 + step) / (20 + step))
        with torch.no_grad():
            for a, b in zip(average.parameters(), student.parameters()):
                a.lerp_(b, 1 - keep)
        seen = loss.item() if seen is None else 0.97 * seen + 0.03 * loss.item()
        if step % 50 == 0:
            print(f"step {step}, {100 * spent:.0f} % of the time, loss {seen:.3f}", flush=True)
    print(f"{step} steps, loss {seen:.3f}", flush=True)
    return average


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("teacher", type=Path, help="the float ONNX file that knows")
    parser.add_argument("student", type=Path, help="the float ONNX file that is to learn")
    parser.add_argument("frames", type=Path, help="a folder of pictures from `edgevision extract-frames`; labels are not needed")
    parser.add_argument("out", type=Path, help="the trained ONNX file to write")
    parser.add_argument("--minutes", type=float, default=8, help="how long to train (default %(default)s)")
    parser.add_argument("--rate", type=float, default=2e-3, help="highest learning rate (default %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="threads of PyTorch (default %(default)s)")
    parser.add_argument("--loss", choices=("yolox", "plain"), default="yolox", help="what to compare (default %(default)s)")
    common.add_letterbox_options(parser)
    options = parser.parse_args()

    torch.manual_seed(SEED)
    torch.set_num_threads(options.threads)
    ends = common.session(options.teacher)
    letterbox = common.letterbox_of(options, ends.get_inputs()[0].shape)
    outputs = ends.get_outputs()[0].shape
    teacher, student = (OnnxModule.read(path).to(memory_format=torch.channels_last) for path in (options.teacher, options.student))
    kept = kept_channels(student.model)
    if options.loss == "yolox" and (len(outputs) != 3 or outputs[2] < 6):
        parser.error(f"the teacher's output {outputs} is none of YOLOX ([1, cells, 5 + classes]); use --loss plain")
    # Kept at the network's size and without its padding: a crop then costs little.
    files = common.pictures(options.frames)
    pictures = []
    for file in files:
        rgb = np.asarray(Image.open(file).convert("RGB"))
        pictures.append(common.resize(rgb, *letterbox.fit(rgb.shape[1], rgb.shape[0])))
    print(f"{len(pictures)} pictures, {sum(p.numel() for p in student.parameters())} parameters to train", flush=True)
    feed = batches(pictures, letterbox, np.random.default_rng(SEED))
    loss_of, logits = (yolox_loss, True) if options.loss == "yolox" else (plain_loss, False)
    train(teacher, student, kept, feed, loss_of, logits, options.minutes, options.rate).write(options.out)
    print(f"{options.out}: {options.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
