"""What the kit's scripts share: pictures, the preprocessing of edgevision's `letterbox`, and ONNX Runtime sessions."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

PICTURES = (".png", ".jpg", ".jpeg")


def pictures(folder: Path, limit: int | None = None) -> list[Path]:
    """The pictures of a folder, sorted by name; at most `limit`, evenly spread."""
    if not folder.is_dir():
        raise SystemExit(f"{folder}: no such folder; make it with `edgevision extract-frames --out {folder} SOURCE`")
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)
    if not found:
        raise SystemExit(f"{folder}: holds no PNG or JPEG pictures; fill it with `edgevision extract-frames --out {folder} SOURCE`")
    if limit and len(found) > limit:
        found = [found[(2 * i + 1) * len(found) // (2 * limit)] for i in range(limit)]
    return found


@dataclass(frozen=True)
class Letterbox:
    """A picture to a tensor, step by step as the module `letterbox` does it; the fields are its parameters."""

    width: int
    height: int
    color: str = "bgr"
    mode: str = "letterbox"
    align: str = "top_left"
    pad: int = 114
    scale: float = 1.0

    def bytes(self, rgb: np.ndarray) -> np.ndarray:
        """RGB bytes HWC to the network's picture: bytes HWC in the network's colour order."""
        width, height = self.fit(rgb.shape[1], rgb.shape[0])
        x, y = (0, 0) if self.align == "top_left" or self.mode == "stretch" else ((self.width - width) // 2, (self.height - height) // 2)
        out = np.full((self.height, self.width, 3), self.pad, np.uint8)
        out[y:y + height, x:x + width] = resize(rgb, width, height)
        return out if self.color == "rgb" else out[..., ::-1]

    def tensor(self, rgb: np.ndarray) -> np.ndarray:
        """RGB bytes HWC to float32 [1, 3, height, width]."""
        return np.ascontiguousarray(self.bytes(rgb).transpose(2, 0, 1)[None], np.float32) * np.float32(self.scale)

    def read(self, path: Path) -> np.ndarray:
        return self.tensor(np.asarray(Image.open(path).convert("RGB")))

    def fit(self, width: int, height: int) -> tuple[int, int]:
        """Size of the scaled picture; halves are rounded up."""
        if self.mode == "stretch":
            return self.width, self.height
        gain = min(self.width / width, self.height / height)
        fit = lambda size, room: min(max(int(size * gain + 0.5), 1), room)
        return fit(width, self.width), fit(height, self.height)


def resize(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """Bilinear with half-pixel centres, no antialiasing, edges repeated, rounded to bytes."""

    def taps(source, target):
        at = np.clip((np.arange(target) + 0.5) * source / target - 0.5, 0, source - 1)
        low = at.astype(int)
        return low, np.minimum(low + 1, source - 1), (at - low).astype(np.float32)

    y0, y1, fy = taps(picture.shape[0], height)
    x0, x1, fx = taps(picture.shape[1], width)
    rows = picture[y0] * (1 - fy)[:, None, None] + picture[y1] * fy[:, None, None]
    mixed = rows[:, x0] * (1 - fx)[None, :, None] + rows[:, x1] * fx[None, :, None]
    return np.floor(mixed + 0.5).astype(np.uint8)


def add_letterbox_options(parser: argparse.ArgumentParser):
    """The parameters of `letterbox`, by the names they have in the YAML; the defaults are those of YOLOX."""
    group = parser.add_argument_group("preprocessing (as `analyze.preprocess` in your config)")
    group.add_argument("--color", choices=("bgr", "rgb"), default="bgr", help="order of the colours (default %(default)s)")
    group.add_argument("--mode", choices=("letterbox", "stretch"), default="letterbox", help="keep the picture's shape or not (default %(default)s)")
    group.add_argument("--align", choices=("top_left", "center"), default="top_left", help="where the picture lies (default %(default)s)")
    group.add_argument("--pad", type=int, default=114, help="grey beside the picture, 0 to 255 (default %(default)s)")
    group.add_argument("--scale", type=float, default=1.0, help="factor from bytes to the network's values: 1, or 0.00392157 for 0..1 (default %(default)s)")


def letterbox_of(options: argparse.Namespace, shape) -> Letterbox:
    """For a network input of this shape."""
    if len(shape) != 4 or shape[1] != 3 or not all(isinstance(n, int) for n in shape[1:]):
        raise SystemExit(f"the network's input has the shape {list(shape)}; the kit knows [1, 3, height, width] with fixed sizes")
    return Letterbox(shape[3], shape[2], options.color, options.mode, options.align, options.pad, options.scale)


def session(model: Path, threads: int = 1):
    """An ONNX Runtime session on the CPU."""
    import onnxruntime

    if not model.is_file():
        raise SystemExit(f"{model}: no such model")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
