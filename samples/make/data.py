"""Renders the training and the held-out set, as the product would see them.

    python data.py WORK_DIR

Every scene has its own seed. Frames go through a real encoder (H.264 at a
random quality, or JPEG) and then through exactly the product's preprocessing,
so the detector never sees a clean rendering.
"""

from __future__ import annotations

import subprocess
import sys
import time
from multiprocessing import Pool
from pathlib import Path

import cv2
import numpy as np

import scene as sc

# The clip's scene has seed 3; these ranges never meet it, nor each other.
TRAIN_SEEDS = range(10_000, 10_340)
CROWDED_SEEDS = range(20_000, 20_110)
HELD_OUT_SEEDS = range(900_000, 900_050)
FRAMES_PER_SCENE = 10
NET_WIDTH, NET_HEIGHT, PAD = 320, 192, 114
MAX_OBJECTS = 24
# Training frames are drawn with half the supersampling: three times as many for
# the same time, and at the network's resolution the difference is gone. The
# held-out set is drawn exactly like the clip.
TRAIN_SS = 1


def preprocess(yuv: np.ndarray) -> np.ndarray:
    """Planar YUV 4:2:0 to the network's picture, 192x320 BGR bytes: BT.601
    limited range, bilinear with half-pixel centres, at the top left, pad 114."""
    bgr = cv2.cvtColor(yuv, cv2.COLOR_YUV2BGR_I420)
    gain = min(NET_WIDTH / bgr.shape[1], NET_HEIGHT / bgr.shape[0])
    width, height = round(bgr.shape[1] * gain), round(bgr.shape[0] * gain)
    picture = np.full((NET_HEIGHT, NET_WIDTH, 3), PAD, np.uint8)
    picture[:height, :width] = cv2.resize(bgr, (width, height), interpolation=cv2.INTER_LINEAR)
    return picture


def through_h264(frames: list, crf: int, preset: str, gop: int) -> np.ndarray:
    size = f"{sc.WIDTH}x{sc.HEIGHT}"
    coded = subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-i", "-",
         "-vf", "scale=out_color_matrix=bt601:out_range=tv,format=yuv420p", "-c:v", "libx264", "-preset", preset, "-crf", str(crf),
         "-g", str(gop), "-bf", "0", "-threads", "1", "-f", "h264", "-"],
        input=b"".join(f.tobytes() for f in frames), stdout=subprocess.PIPE, check=True).stdout
    raw = subprocess.run(["ffmpeg", "-v", "error", "-threads", "1", "-f", "h264", "-i", "-", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"],
                         input=coded, stdout=subprocess.PIPE, check=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(len(frames), sc.HEIGHT * 3 // 2, sc.WIDTH)


def through_jpeg(frames: list, quality: int) -> list:
    result = []
    for frame in frames:
        _, coded = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        result.append(cv2.cvtColor(cv2.imdecode(coded, cv2.IMREAD_COLOR), cv2.COLOR_BGR2YUV_I420))
    return result


def render_scene(seed: int):
    """Pictures and truth rows (x0, y0, x1, y1, class, visible) in network pixels."""
    cv2.setNumThreads(1)
    sc.SS = 2 if seed in HELD_OUT_SEEDS else TRAIN_SS
    rng = np.random.default_rng((seed, 4242))
    scene = sc.random_scene(seed, crowded=seed in CROWDED_SEEDS)
    renderer = sc.Renderer(scene)
    times = np.sort(rng.choice(scene.frames, FRAMES_PER_SCENE, replace=False))
    frames = [renderer.frame(int(t)) for t in times]
    if rng.random() < 0.7:
        preset = ("ultrafast", "veryfast", "medium")[rng.integers(3)]
        planes = through_h264(frames, int(rng.integers(18, 35)), preset, int(rng.choice([1, 5, 10])))
    else:
        planes = through_jpeg(frames, int(rng.integers(35, 96)))
    pictures = np.stack([preprocess(p) for p in planes])
    truth = np.zeros((len(frames), MAX_OBJECTS, 6), np.float32)
    truth[..., 4] = -1
    gain = NET_WIDTH / sc.WIDTH
    for rows, t in zip(truth, times):
        for row, thing in zip(rows, renderer.truth(int(t))):
            row[:] = [v * gain for v in thing["box"]] + [sc.LABELS.index(thing["label"]), thing["visible"]]
    return pictures, truth


def render_set(path: Path, seeds):
    start = time.time()
    pictures, truth = [], []
    with Pool(2) as pool:
        for i, (p, t) in enumerate(pool.imap(render_scene, seeds)):
            pictures.append(p)
            truth.append(t)
            if i % 50 == 49:
                print(f"{path.name}: {i + 1}/{len(seeds)} scenes, {time.time() - start:.0f} s", flush=True)
    np.savez(path, pictures=np.concatenate(pictures), truth=np.concatenate(truth))


if __name__ == "__main__":
    work = Path(sys.argv[1])
    work.mkdir(parents=True, exist_ok=True)
    render_set(work / "held_out.npz", HELD_OUT_SEEDS)
    render_set(work / "train.npz", TRAIN_SEEDS)
    render_set(work / "crowded.npz", CROWDED_SEEDS)
