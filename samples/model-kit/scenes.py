"""Films bottling lines that the sample clip does not show: the "own camera" of the example.

    python scenes.py frames.mp4 --scenes 80

Only the example needs this. With a camera of your own, `edgevision extract-frames` is the first step. Uses the
renderer of ../make (its packages stand in ../make/requirements.txt) and ffmpeg. Every scene has a seed of its own;
none of them was used to train the teacher, to choose its threshold, or is in ../line3.mp4.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from multiprocessing import Pool
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "make"))

FIRST_SEED = 40_000  # training used 10000.., 20000.. and 900000..; the clip is 3
CROWDED_EVERY = 4
FRAMES_PER_SCENE = 8


def film(seed: int) -> list[bytes]:
    """Frames of one scene, far enough from each other to differ."""
    import cv2
    import scene

    cv2.setNumThreads(1)
    scene.SS = 1  # at the network's resolution finer drawing cannot be seen
    renderer = scene.Renderer(scene.random_scene(seed, crowded=seed % CROWDED_EVERY == 0))
    times = np.linspace(0, renderer.scene.frames, FRAMES_PER_SCENE, endpoint=False)
    return [renderer.frame(int(t)).tobytes() for t in times]


def encoder(path: Path) -> subprocess.Popen:
    """H.264 with key frames only: neighbours show different scenes. BT.601 limited range, signalled."""
    import scene

    return subprocess.Popen(
        ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{scene.WIDTH}x{scene.HEIGHT}", "-r", "25", "-i", "-",
         "-vf", "scale=out_color_matrix=bt601:out_range=tv,format=yuv420p", "-c:v", "libx264", "-preset", "veryfast", "-crf", "24", "-g", "1",
         "-threads", "1", "-color_primaries", "smpte170m", "-color_trc", "smpte170m", "-colorspace", "smpte170m", "-color_range", "tv", str(path)],
        stdin=subprocess.PIPE)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="the video to write (.mp4)")
    parser.add_argument("--scenes", type=int, default=80, help=f"how many scenes, {FRAMES_PER_SCENE} frames each (default %(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="processes that draw (default %(default)s)")
    options = parser.parse_args()
    start = time.time()
    process = encoder(options.out)
    with Pool(options.jobs) as pool:
        for done, frames in enumerate(pool.imap(film, range(FIRST_SEED, FIRST_SEED + options.scenes)), 1):
            process.stdin.write(b"".join(frames))
            if done % 20 == 0 or done == options.scenes:
                print(f"{done}/{options.scenes} scenes, {time.time() - start:.0f} s", flush=True)
    process.stdin.close()
    if process.wait() != 0:
        raise SystemExit(f"{options.out}: ffmpeg cannot write it (its message stands above)")


if __name__ == "__main__":
    main()
