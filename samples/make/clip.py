"""Writes line3.mp4, its ground truth and the still for the README.

    python clip.py [OUTPUT_DIR]
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

import scene as sc

FPS = 25
CRF = 23


def encoder(path: Path) -> subprocess.Popen:
    """x264 without B-frames: pts = dts, both starting at 0, so no edit list is
    needed. BT.601 limited range, converted and signalled explicitly."""
    return subprocess.Popen(
        ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{sc.WIDTH}x{sc.HEIGHT}", "-r", str(FPS), "-i", "-",
         "-vf", "scale=out_color_matrix=bt601:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int,format=yuv420p",
         "-c:v", "libx264", "-profile:v", "high", "-preset", "veryslow", "-crf", str(CRF), "-bf", "0", "-g", str(FPS), "-keyint_min", str(FPS),
         "-sc_threshold", "0", "-x264-params", "aq-mode=3:threads=1", "-color_primaries", "smpte170m", "-color_trc", "smpte170m",
         "-colorspace", "smpte170m", "-color_range", "tv", "-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact",
         "-movflags", "+faststart", str(path)],
        stdin=subprocess.PIPE,
    )


def decode(path: Path) -> np.ndarray:
    """The frames of a video as planar YUV 4:2:0, (n, height * 3 / 2, width)."""
    raw = subprocess.run(["ffmpeg", "-v", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"], stdout=subprocess.PIPE, check=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, sc.HEIGHT * 3 // 2, sc.WIDTH)


def still(path: Path, video: Path, frames: list, t: int):
    """A decoded frame with its ground-truth boxes."""
    colours = {"good": (90, 200, 70), "missing_cap": (30, 160, 255), "tipped_over": (60, 60, 235)}
    picture = cv2.cvtColor(decode(video)[t], cv2.COLOR_YUV2BGR_I420)
    for thing in frames[t]["objects"]:
        if thing["visible"] < 0.25:
            continue
        x0, y0, x1, y1 = (int(round(v)) for v in thing["box"])
        colour = colours[thing["label"]]
        cv2.rectangle(picture, (x0, y0), (x1 - 1, y1 - 1), colour, 1, cv2.LINE_AA)
        (w, h), _ = cv2.getTextSize(thing["label"], cv2.FONT_HERSHEY_SIMPLEX, 0.36, 1)
        x = min(x0, sc.WIDTH - w - 4)
        cv2.rectangle(picture, (x, y0 - h - 6), (x + w + 4, y0), colour, -1)
        cv2.putText(picture, thing["label"], (x + 2, y0 - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (16, 16, 16), 1, cv2.LINE_AA)
    # a palette keeps the PNG small; k-means and dithering keep it pretty
    image = Image.fromarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
    palette = image.quantize(256, method=Image.Quantize.MEDIANCUT, kmeans=3)
    image.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)


def main(out: Path):
    scene = sc.clip_scene()
    renderer = sc.Renderer(scene)
    video = out / "line3.mp4"
    process = encoder(video)
    frames = []
    for t in range(scene.frames):
        process.stdin.write(renderer.frame(t).tobytes())
        frames.append({"frame": t, "objects": renderer.truth(t)})
    process.stdin.close()
    if process.wait() != 0:
        raise SystemExit("ffmpeg failed")
    facts = {
        "clip": "line3.mp4", "width": sc.WIDTH, "height": sc.HEIGHT, "fps": FPS, "frames": scene.frames,
        "seconds": scene.frames / FPS, "loop": True, "labels": list(sc.LABELS), "seed": sc.CLIP_SEED, "objects_on_ring": len(scene.bottles),
        "box": "x0, y0, x1, y1 in source pixels, half open, clipped to the frame; the whole silhouette, hidden parts included",
        "visible": "seen part of the object's whole silhouette: neither outside the frame nor behind other objects or the steel in front",
    }
    # one line per frame: diffable and still small
    rows = ",\n".join("    " + json.dumps(f, separators=(",", ":")) for f in frames)
    (out / "line3.truth.json").write_text(json.dumps(facts, indent=2)[:-2] + ',\n  "truth": [\n' + rows + "\n  ]\n}\n")
    (out / "line3.labels.txt").write_text("\n".join(sc.LABELS) + "\n")
    still(out / "line3.png", video, frames, 130)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent)
