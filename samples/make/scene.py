"""Renderer of the bottling-line scenes behind `line3.mp4` and its training data.

Everything is procedural: no photograph, texture or 3-D model is read. A scene
is fully described by a seed (`random_scene`) or by the hand-picked values of
the shipped clip (`clip_scene`), and frame `t` of a scene is a pure function of
the scene and `t`. All motion has the period `scene.frames`, so any scene loops.

How a frame is made:

* Bottles are surfaces of revolution. Each one is rasterised once into a small
  geometry buffer (height, angle and normal per pixel), shaded with an analytic
  environment of soft boxes, and kept as a premultiplied RGBA sprite. All motion
  is along the belt, so motion blur is a horizontal box filter on the sprite.
* The belt is one tileable texture, warped by the camera's homography.
* The hall behind is drawn with Skia and thrown out of focus.
* The picture is composed at twice the size and averaged down, then gets the
  moving light, bloom, vignette and a signal dependent sensor noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np
import skia
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 640, 360
SS = 2  # the whole picture is drawn at SS times its size and averaged down
SPRITE_SS = 2  # bottles are shaded at a further SPRITE_SS on top of that
LABELS = ("good", "missing_cap", "tipped_over")
GOOD, MISSING_CAP, TIPPED_OVER = range(3)

BODY, LABEL_PART, NECK, CAP, CAP_TOP, OPENING = range(6)


# --------------------------------------------------------------------------
# Descriptions


@dataclass
class Bottle:
    """One object on the belt. Lengths are world pixels (source pixels at the
    front edge of the belt); `x` is the place on the ring at t = 0."""

    kind: int
    x: float
    depth: float  # 0 = front edge of the belt, 1 = back edge
    shape: str
    height: float
    radius: float
    material: str  # "clear", "glass" or "opaque"
    tint: tuple
    fill: float  # liquid level, part of the body height
    cap_colour: tuple
    has_cap: bool
    label_seed: int
    label_turn: float
    roll: float = 0.0  # picture-plane angle, degrees, positive = to the right
    yaw: float = 0.22  # how far the axis leans to the viewer: ellipse ratio


@dataclass
class Scene:
    seed: int
    frames: int
    speed: float  # world pixels per frame
    shutter: float  # exposed part of the frame time
    belt_front_y: float
    belt_back_y: float
    horizon_y: float
    centre_x: float
    belt_colour: tuple
    belt_links: int  # belt links on the ring
    wall_colour: tuple
    daylight: tuple
    key_azimuth: float
    exposure: float
    contrast: float
    white_balance: tuple
    noise: float
    defocus: float
    front_rail: bool
    rail_height: float
    bottles: list = field(default_factory=list)
    hall: dict = field(default_factory=dict)

    @property
    def ring(self) -> float:
        """Length of the endless belt, chosen so that `frames` frames are one turn."""
        return self.frames * self.speed

    def row(self, depth: float) -> float:
        return self.belt_front_y + (self.belt_back_y - self.belt_front_y) * depth

    def scale(self, depth: float) -> float:
        """Size of a world pixel at this depth; 1 at the front edge."""
        return (self.row(depth) - self.horizon_y) / (self.belt_front_y - self.horizon_y)

    def position(self, bottle: Bottle, t: float) -> float:
        """Picture column of the middle of the bottle's foot."""
        half = self.ring / 2
        x = (bottle.x + self.speed * t) % self.ring - half
        return self.centre_x + x * self.scale(bottle.depth)


# --------------------------------------------------------------------------
# Small helpers


def smooth(lo, hi, x):
    """Smoothstep."""
    t = np.clip((x - lo) / (hi - lo), 0.0, 1.0)
    return t * t * (3 - 2 * t)


def window(lo, hi, soft, x):
    """1 between lo and hi with edges `soft` wide."""
    return smooth(lo - soft, lo + soft, x) * (1 - smooth(hi - soft, hi + soft, x))


def to_linear(rgb):
    return np.power(np.asarray(rgb, np.float32) / 255.0, 2.2)


def to_display(linear):
    return np.power(np.clip(linear, 0.0, 1.0), 1 / 2.2)


def sk(rgb, alpha=255):
    return skia.Color(int(rgb[0]), int(rgb[1]), int(rgb[2]), int(alpha))


def shade(rgb, factor):
    return tuple(float(np.clip(c * factor, 0, 255)) for c in rgb)


def paint(rgb, alpha=255, **kw):
    return skia.Paint(Color=sk(rgb, alpha), AntiAlias=True, **kw)


def gradient(x0, y0, x1, y1, stops):
    """Linear gradient paint; stops are (position, rgb) or (position, rgb, alpha)."""
    colours = [sk(s[1], s[2] if len(s) > 2 else 255) for s in stops]
    return skia.Paint(
        AntiAlias=True,
        Shader=skia.GradientShader.MakeLinear(
            [skia.Point(x0, y0), skia.Point(x1, y1)], colours, [s[0] for s in stops]
        ),
    )


def glow(x, y, radius, rgb, alpha):
    return skia.Paint(
        AntiAlias=True,
        BlendMode=skia.BlendMode.kPlus,
        Shader=skia.GradientShader.MakeRadial(
            skia.Point(x, y), radius, [sk(rgb, alpha), sk(rgb, alpha * 0.3), sk(rgb, 0)], [0, 0.35, 1]
        ),
    )


def rect(x0, y0, x1, y1):
    return skia.Rect.MakeLTRB(x0, y0, x1, y1)


def metal(x0, y0, x1, y1, base=(150, 156, 162)):
    """Polished tube, lit from above: the gradient across it."""
    return gradient(
        x0, y0, x1, y1,
        [(0, shade(base, 0.75)), (0.18, shade(base, 1.45)), (0.32, shade(base, 1.6)),
         (0.5, shade(base, 0.85)), (0.8, shade(base, 0.38)), (0.93, shade(base, 0.62)), (1, shade(base, 0.35))],
    )


def tank_metal(x0, x1, base):
    """Brushed vessel, lit from both sides: the gradient across it."""
    return gradient(
        x0, 0, x1, 0,
        [(0, shade(base, 0.35)), (0.12, shade(base, 0.8)), (0.26, shade(base, 1.35)), (0.36, shade(base, 1.0)),
         (0.62, shade(base, 0.6)), (0.85, shade(base, 0.85)), (1, shade(base, 0.3))],
    )


def canvas_on(array):
    surface = skia.Surface(array, colorType=skia.kRGBA_8888_ColorType)
    return surface, surface.getCanvas()


def skia_image(premultiplied):
    array = np.ascontiguousarray(np.clip(premultiplied * 255 + 0.5, 0, 255).astype(np.uint8))
    return skia.Image.fromarray(array, colorType=skia.kRGBA_8888_ColorType, copy=True)


# --------------------------------------------------------------------------
# Bottle labels

BRANDS = ("PIXEL", "TENSOR", "LUMA", "KEYFRAME", "CHROMA", "MUXER", "DITHER", "KERNEL")
FLAVOURS = ("SPRING WATER", "ORANGE", "LEMON", "COLD TEA", "APPLE", "KEFIR", "BERRY", "SODA")
LABEL_COLOURS = (
    ((245, 245, 240), (20, 70, 160)), ((250, 210, 40), (150, 30, 20)), ((200, 30, 36), (255, 246, 230)),
    ((20, 110, 70), (244, 240, 210)), ((238, 232, 214), (60, 40, 30)), ((18, 60, 140), (250, 250, 250)),
    ((250, 250, 252), (214, 40, 60)), ((240, 120, 24), (255, 252, 244)), ((30, 34, 40), (236, 190, 60)),
    ((120, 190, 220), (255, 255, 255)), ((90, 44, 110), (250, 226, 120)),
)


def label_texture(seed: int) -> np.ndarray:
    """Unrolled label as linear RGB: 768 columns are one turn around the bottle."""
    rng = np.random.default_rng(seed)
    width, height = 768, 200
    ground, ink = LABEL_COLOURS[rng.integers(len(LABEL_COLOURS))]
    picture = Image.new("RGB", (width, height), ground)
    draw = ImageDraw.Draw(picture)
    big = ImageFont.load_default(size=62)
    small = ImageFont.load_default(size=24)
    style = rng.integers(4)
    brand = BRANDS[rng.integers(len(BRANDS))]
    flavour = FLAVOURS[rng.integers(len(FLAVOURS))]
    if style == 0:
        draw.rectangle((0, 0, width, 22), fill=ink)
        draw.rectangle((0, height - 22, width, height), fill=ink)
    elif style == 1:
        draw.rectangle((0, 128, width, height), fill=ink)
    elif style == 2:
        for x in range(-200, width, 96):
            draw.polygon([(x, height), (x + 40, height), (x + 140, 0), (x + 100, 0)],
                         fill=tuple(int(0.8 * g + 0.2 * i) for g, i in zip(ground, ink)))
    for x in (0, width // 2):  # the front of the label is there twice
        if style == 3:
            draw.ellipse((x + 88, 14, x + 296, 186), fill=ink)
        front = ground if style == 3 else ink
        draw.text((x + 192, 78), brand, font=ImageFont.load_default(size=44 if style == 3 else 62) if len(brand) > 5 else big,
                  fill=front, anchor="mm", stroke_width=2)
        draw.text((x + 192, 150), flavour, font=small, fill=ground if style in (1, 3) else ink, anchor="mm", stroke_width=1)
    bars = rng.integers(2, 6, 24)  # a bar code between the fronts
    x = 350
    draw.rectangle((342, 60, 424, 140), fill=(250, 250, 250))
    for i, bar in enumerate(bars):
        if i % 2 == 0 and x + bar < 420:
            draw.rectangle((x, 66, x + bar - 1, 134), fill=(10, 10, 10))
        x += bar
    return to_linear(np.asarray(picture))


# --------------------------------------------------------------------------
# Bottle geometry

# (part of the body height, part of the radius)
SHAPES = {
    "soda": [(0, .78), (.03, .94), (.08, 1), (.26, 1), (.31, .95), (.36, .98), (.66, .98), (.72, 1), (.80, .92), (.92, .60), (1, .40)],
    "water": [(0, .84), (.03, 1), (.68, 1), (.76, .95), (.90, .64), (1, .40)],
    "juice": [(0, .88), (.03, 1), (.72, 1), (.82, .92), (.93, .64), (1, .48)],
    "milk": [(0, .86), (.04, 1), (.64, 1), (.76, .93), (.92, .58), (1, .48)],
    "long": [(0, .90), (.02, 1), (.54, 1), (.62, .95), (.74, .62), (.84, .44), (1, .38)],
}
LABEL_BAND = {"soda": (.38, .65), "water": (.30, .60), "juice": (.20, .62), "milk": (.20, .56), "long": (.14, .46)}


@dataclass
class Profile:
    """The bottle's outline, sampled densely from the foot upwards."""

    height: np.ndarray
    radius: np.ndarray
    slope: np.ndarray
    part: np.ndarray
    body_height: float


def bottle_profile(bottle: Bottle) -> Profile:
    total, radius = bottle.height, bottle.radius
    points = SHAPES[bottle.shape]
    neck_radius = max(points[-1][1] * radius, 7.0)
    neck_height = 15.0
    body_height = total - neck_height
    step = 0.12
    h = np.arange(0, body_height, step)
    r = np.interp(h / body_height, [p[0] for p in points], [p[1] for p in points]) * radius
    r = np.maximum(r, neck_radius)
    r = cv2.GaussianBlur(r[None].astype(np.float64), (0, 0), 1.6 / step, borderType=cv2.BORDER_REPLICATE)[0]
    if bottle.shape == "water":  # moulded ribs under and over the label
        part = h / body_height
        ribs = window(.06, .27, .02, part) + window(.62, .70, .02, part)
        r = r - ribs * 0.028 * radius * (1 - np.cos(h * 2 * np.pi / 6.5))
    lo, hi = LABEL_BAND[bottle.shape]
    part = np.where((h > lo * body_height) & (h < hi * body_height), LABEL_PART, BODY)
    if not bottle.has_cap:
        h2 = np.arange(body_height, total, step)
        n = h2 - body_height
        r2 = np.full_like(h2, neck_radius * 0.86)
        r2 = np.where((n > 1.0) & (n < 3.0), neck_radius * 1.16, r2)  # support ring
        r2 = r2 + neck_radius * 0.09 * window(4.5, 12.5, .5, n) * (1 + np.sin(n * 2 * np.pi / 2.9)) * 0.7  # thread
        p2 = np.full(h2.shape, NECK)
    else:
        h2 = np.arange(body_height, total, step)
        n = h2 - body_height
        r2 = np.full_like(h2, neck_radius * 1.22)
        r2 = np.where(n < 1.4, neck_radius * 0.9, r2)
        r2 = np.where((n > 1.4) & (n < 3.4), neck_radius * 1.27, r2)  # tamper ring
        r2 = np.where((n > 3.4) & (n < 4.1), neck_radius * 1.12, r2)
        r2 = r2 - neck_radius * 0.14 * smooth(13.2, 15.0, n)
        p2 = np.where(n < 1.4, NECK, CAP)
    h, r = np.concatenate([h, h2]), np.concatenate([r, r2])
    slope = np.gradient(r, step)
    return Profile(h, r, np.clip(slope, -4, 4), np.concatenate([part, p2]), body_height)


def geometry_buffer(profile: Profile, tilt: float, zoom: float):
    """Splat the front half of every slice, foot first, so that higher slices
    hide lower ones exactly as they do seen from above."""
    pad = 4
    half = int(math.ceil(profile.radius.max() * zoom)) + pad
    columns = np.arange(-half, half + 1)
    top = int(math.ceil((profile.height[-1] + tilt * profile.radius[-1]) * zoom)) + pad
    bottom = int(math.ceil(tilt * profile.radius.max() * zoom)) + pad
    rows = top + bottom + 1
    r = profile.radius[:, None] * zoom
    x = columns[None, :] + 0.0
    inside = np.abs(x) <= r
    z = np.sqrt(np.maximum(r * r - x * x, 0))
    y = np.rint(top - profile.height[:, None] * zoom + tilt * z).astype(np.int64)
    slices, cols = np.nonzero(inside)
    index = np.full((rows, columns.size), -1, np.int32)
    index[y[slices, cols], cols] = slices
    closed = cv2.morphologyEx((index >= 0).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    spread = cv2.dilate(index.astype(np.float32), np.ones((3, 3), np.uint8)).astype(np.int32)
    index = np.where((index < 0) & (closed > 0), spread, index)
    mask = index >= 0
    j = np.maximum(index, 0)
    h, rr, slope, part = profile.height[j], profile.radius[j], profile.slope[j], profile.part[j].copy()
    u = np.clip(columns[None, :] / zoom / rr, -0.999, 0.999)
    # the mouth or the top of the cap is a flat disc
    rt = profile.radius[-1]
    ys = (np.arange(rows)[:, None] - (top - profile.height[-1] * zoom)) / zoom
    disc = ((columns[None, :] / zoom) ** 2 + (ys / max(tilt, 1e-3)) ** 2) <= rt * rt
    disc_r = np.sqrt((columns[None, :] / zoom) ** 2 + (ys / max(tilt, 1e-3)) ** 2) / rt
    f32 = np.float32
    return dict(mask=mask | disc, h=h.astype(f32), u=u.astype(f32), slope=slope.astype(f32), part=part, disc=disc,
                disc_r=disc_r.astype(f32), anchor=(half, top),
                x=np.broadcast_to((columns[None, :] / zoom).astype(f32), mask.shape),
                y=np.broadcast_to(((top - np.arange(rows)[:, None]) / zoom).astype(f32), mask.shape))


# --------------------------------------------------------------------------
# Bottle shading


def reflected_hall(nx, ny, nz, azimuth):
    """What a mirror with this normal shows: soft boxes, windows, ceiling lamps."""
    rx, ry, rz = 2 * nz * nx, 2 * nz * ny, 2 * nz * nz - 1
    az = np.degrees(np.arctan2(rx, rz)) - azimuth
    el = np.degrees(np.arcsin(np.clip(ry, -1, 1)))
    key = window(-86, -56, 5, az) * window(-38, 40, 8, el) * (0.8 + 0.2 * np.sin(np.radians(el) * 2))
    key = key * (1 - 0.75 * window(-73, -70.5, 1.0, az))  # the window bar inside the highlight
    fill = window(74, 84, 3, az) * window(-26, 30, 8, el) * 0.6
    ceiling = window(44, 60, 4, el) * (0.6 + 0.4 * np.cos(np.radians(az * 5)))
    sky = 0.22 * smooth(-5, 50, el) + 0.05
    return key * 3.2 + fill * 2.6 + ceiling * 1.1 + sky


def shade_bottle(bottle: Bottle, scene: Scene, zoom: float):
    """Premultiplied display-referred RGBA of one upright bottle, lit as if rolled."""
    profile = bottle_profile(bottle)
    g = geometry_buffer(profile, bottle.yaw, zoom)
    mask, u, h, part = g["mask"], g["u"], g["h"], g["part"]
    depth = np.sqrt(1 - u * u)
    norm = np.sqrt(1 + g["slope"] ** 2)
    nx, ny, nz = u / norm, -g["slope"] / norm, depth / norm
    disc = g["disc"]
    nx, ny, nz = np.where(disc, 0, nx), np.where(disc, 0.94, ny), np.where(disc, 0.34, nz)
    # world normals: the sprite is rotated by `roll` later, the light is not
    a = math.radians(bottle.roll)
    wx, wy = nx * math.cos(a) + ny * math.sin(a), -nx * math.sin(a) + ny * math.cos(a)
    key_az = math.radians(-42 + scene.key_azimuth)
    lx, ly, lz = math.sin(key_az) * 0.75, 0.52, math.cos(key_az) * 0.75
    diffuse = np.clip((wx * lx + wy * ly + nz * lz + 0.12) / 1.05, 0, 1)
    mirror = reflected_hall(wx, wy, nz, scene.key_azimuth)
    fresnel = 0.05 + 0.95 * np.power(1 - np.clip(nz, 0, 1), 4.0)

    colour = np.zeros(mask.shape + (3,), np.float32)
    alpha = np.zeros(mask.shape, np.float32)
    tint = to_linear(bottle.tint)

    # body: liquid, then the empty part over it
    up = g["y"] * math.cos(a) - g["x"] * math.sin(a)
    if abs(bottle.roll) < 30:
        level, height = bottle.fill * profile.body_height, h
    else:
        level, height = (bottle.fill * 1.5 - 0.75) * bottle.radius, up - 0.5 * profile.height[-1] * math.cos(a)
    wet = smooth(level + 0.5, level - 0.5, height)
    meniscus = window(level - 1.0, level + 1.0, 0.6, height)
    path = np.clip(depth, 0.05, 1) * 2
    lens = 0.30 + 0.70 * smooth(0.05, 0.75, depth) + 0.35 * window(0.10, 0.62, 0.25, -u)
    if bottle.material == "opaque":
        body = tint * (0.13 + 1.05 * diffuse)[..., None]
        body_alpha = np.ones_like(u)
    else:
        deep = np.power(tint[None, None, :] + 1e-3, path[..., None] * (0.55 if bottle.material == "clear" else 0.8))
        liquid = deep * (lens * (0.55 + 0.55 * diffuse))[..., None]
        thin = tint if bottle.material == "glass" else np.array([.78, .84, .86], np.float32)
        empty = np.power(thin[None, None, :], 0.6) * (0.25 + 0.55 * lens * diffuse)[..., None]
        body = liquid * wet[..., None] + empty * (1 - wet)[..., None]
        body = body * (1 - 0.35 * meniscus[..., None])
        wall = smooth(0.55, 0.97, np.abs(u))
        dry_alpha = (0.30 if bottle.material == "clear" else 0.78) + (0.55 if bottle.material == "clear" else 0.2) * wall
        body_alpha = 0.95 * wet + dry_alpha * (1 - wet)
        body = body * (1 - 0.45 * window(0.86, 0.97, 0.05, np.abs(u)))[..., None]

    # label
    texture = label_texture(bottle.label_seed)
    lo, hi = (v * profile.body_height for v in LABEL_BAND[bottle.shape])
    theta = np.arcsin(u) + bottle.label_turn
    map_x = ((theta / (2 * math.pi)) % 1.0 * texture.shape[1]).astype(np.float32)
    map_y = ((1 - (h - lo) / (hi - lo)) * (texture.shape[0] - 1)).astype(np.float32)
    # the sprite is smaller than the texture: blur first so that the print does not alias
    texture = cv2.GaussianBlur(texture, (0, 0), max(0.3, 0.55 * texture.shape[0] / ((hi - lo) * zoom)))
    printed = cv2.remap(texture, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    printed = printed * (0.11 + 1.06 * diffuse)[..., None]
    rim = window(lo, lo + 0.7, 0.3, h) + window(hi - 0.7, hi, 0.3, h)
    printed = printed * (1 - 0.25 * rim[..., None])

    # neck and cap
    neck_tint = tint if bottle.material != "clear" else np.array([.70, .76, .80], np.float32)
    neck = neck_tint * (0.22 + 0.72 * diffuse)[..., None] * (1 - 0.35 * smooth(0.6, 1, np.abs(u)))[..., None]
    cap_base = to_linear(bottle.cap_colour)
    ridges = 1 + 0.22 * np.sin(np.arcsin(u) * 34) * window(-0.95, 0.95, 0.08, u)
    cap = cap_base * ((0.15 + 1.0 * diffuse) * ridges)[..., None]
    cap_top = cap_base * (0.70 + 0.45 * smooth(0.95, 0.75, g["disc_r"]))[..., None]

    is_label = part == LABEL_PART
    is_cap = part == CAP
    is_neck = part == NECK
    colour[:] = body
    alpha[:] = body_alpha
    colour[is_label], alpha[is_label] = printed[is_label], 1.0
    colour[is_neck], alpha[is_neck] = neck[is_neck], 0.9
    colour[is_cap], alpha[is_cap] = cap[is_cap], 1.0
    gloss = np.where(is_label, 0.13, np.where(is_cap, 0.20, 0.62 if bottle.material != "opaque" else 0.2))
    specular = mirror * (gloss * (0.35 + fresnel))
    # a highlight also hides what is behind the clear wall
    alpha = np.maximum(alpha, np.clip(specular * 1.4, 0, 1))
    colour = colour + specular[..., None] * np.array([1.0, 0.99, 0.96], np.float32)
    if bottle.has_cap:
        colour[disc], alpha[disc] = cap_top[disc], 1.0
    else:
        hole = smooth(0.80, 0.66, g["disc_r"])
        lip = np.clip(neck_tint * 1.25 + 0.15, 0, 1)
        mouth = lip[None, None] * (1 - hole[..., None]) + (neck_tint * 0.10)[None, None] * hole[..., None]
        colour[disc], alpha[disc] = mouth[disc], 1.0
    # light falls off to the foot: the belt is dark and the hall is lit from above
    height_shade = 0.72 + 0.28 * smooth(0, 0.5, (up - up[mask].min()) / max(np.ptp(up[mask]), 1))
    colour = to_display(colour * height_shade[..., None])
    alpha = np.where(mask, alpha, 0).astype(np.float32)
    premultiplied = np.dstack([colour * alpha[..., None], alpha]).astype(np.float32)
    return premultiplied, mask.astype(np.float32), g["anchor"]


@dataclass
class Sprite:
    """A finished bottle at SS resolution. `origin` is the pixel of the foot."""

    image: object
    mirror: object
    mirror_top: float
    shadow: object
    shadow_origin: tuple
    origin: tuple
    mask: np.ndarray  # 1x silhouette, for visibility
    mask_origin: tuple
    box: tuple  # silhouette relative to the foot, source pixels


def rotate_sprite(rgba, mask, anchor, roll):
    """Turn clockwise by `roll` degrees about the foot, into a fitting canvas."""
    rows, cols = mask.shape
    a = math.radians(roll)
    matrix = np.array([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]])
    corners = np.array([[0, 0], [cols, 0], [0, rows], [cols, rows]], float) - np.array(anchor)
    turned = corners @ matrix.T
    low = np.floor(turned.min(0)) - 2
    size = np.ceil(turned.max(0) - low).astype(int) + 2
    affine = np.hstack([matrix, (-low - matrix @ np.array(anchor))[:, None]])
    rgba = cv2.warpAffine(rgba, affine, tuple(int(s) for s in size), flags=cv2.INTER_LINEAR)
    mask = cv2.warpAffine(mask, affine, tuple(int(s) for s in size), flags=cv2.INTER_LINEAR)
    return rgba, mask, tuple(-low)


def shrink(array, factor, anchor):
    """Average down by `factor` so that the anchor stays on a pixel corner."""
    left, top = (-int(round(anchor[0]))) % factor, (-int(round(anchor[1]))) % factor
    rows, cols = array.shape[:2]
    pad = ((top, (-(rows + top)) % factor), (left, (-(cols + left)) % factor)) + ((0, 0),) * (array.ndim - 2)
    array = np.pad(array, pad)
    rows, cols = array.shape[0] // factor, array.shape[1] // factor
    array = array.reshape(rows, factor, cols, factor, -1).mean((1, 3)).squeeze()
    return array, ((round(anchor[0]) + left) // factor, (round(anchor[1]) + top) // factor)


def make_sprite(bottle: Bottle, scene: Scene) -> Sprite:
    scale = scene.scale(bottle.depth)
    rgba, mask, anchor = shade_bottle(bottle, scene, scale * SS * SPRITE_SS)
    if abs(bottle.roll) > 0.01:
        rgba, mask, anchor = rotate_sprite(rgba, mask, anchor, bottle.roll)
    if abs(bottle.roll) > 30:  # a lying bottle is held by its middle, resting on its lowest point
        ys, xs = np.nonzero(mask > 0.5)
        anchor = ((xs.min() + xs.max()) // 2, ys.max() - 2 * SS)
    fine = SS * SPRITE_SS
    ys, xs = np.nonzero(mask > 0.5)
    box = tuple(float(v) for v in ((xs.min() - anchor[0]) / fine, (ys.min() - anchor[1]) / fine,
                                   (xs.max() + 1 - anchor[0]) / fine, (ys.max() + 1 - anchor[1]) / fine))
    small_mask, mask_origin = shrink(mask, fine, anchor)
    rgba, origin = shrink(rgba, SPRITE_SS, anchor)
    # all motion is along the belt: exposure is a box filter over the travelled way
    blur = max(1, int(round(scene.speed * scene.shutter * scale * SS)))
    margin = blur + 2
    rgba = np.pad(rgba, ((0, 0), (margin, margin), (0, 0)))
    origin = (origin[0] + margin, origin[1])
    if blur > 1:
        rgba = cv2.blur(rgba, (blur, 1))
    shadow, shadow_origin = belt_shadow((box[2] - box[0]) * SS, -box[1] * SS, box[3] * SS)
    # the belt is slightly wet: a faint, fading mirror image below the foot
    foot = origin[1] + int(round(box[3] * SS))
    reach = min(foot, int(52 * SS * scale))
    fade = 0.30 * np.linspace(1, 0, reach)[:, None, None] ** 1.3
    mirror = cv2.blur(rgba[foot - reach:foot][::-1] * fade, (5, 5))
    return Sprite(skia_image(rgba), skia_image(mirror), box[3] * SS - 1, skia_image(shadow), shadow_origin, origin,
                  small_mask > 0.5, mask_origin, box)


def belt_shadow(width: float, height: float, foot: float):
    """Contact shadow plus a longer one away from the key light (to the right)."""
    rows, cols = int(width * 0.5) + 60 * SS, int(width * 1.4 + height * 0.6) + 70 * SS
    x, y = int(width * 0.7) + 30 * SS, rows // 2
    thick = min(width, height) * 0.13
    reach = height * 0.22
    far = np.zeros((rows, cols), np.float32)
    cv2.ellipse(far, (int(x + reach), int(y - reach * 0.16)), (int(width * 0.5 + reach), int(thick) + 2 * SS), -5, 0, 360, 0.50, -1)
    far = cv2.GaussianBlur(far, (0, 0), 4.5 * SS)
    near = np.zeros_like(far)
    cv2.ellipse(near, (x + 2 * SS, int(y + foot * 0.5)), (int(width * 0.51), int(max(thick, 3 * SS))), 0, 0, 360, 0.75, -1)
    near = cv2.GaussianBlur(near, (0, 0), 2.0 * SS)
    rgba = np.zeros((rows, cols, 4), np.float32)
    rgba[..., 3] = 1 - (1 - far) * (1 - near)
    return rgba, (x, y)


# --------------------------------------------------------------------------
# The belt


def belt_texture(scene: Scene, links_shown: int) -> np.ndarray:
    """Tileable strip of a modular plastic belt, link by link; rows are depth."""
    rng = np.random.default_rng(scene.seed + 71)
    pitch = scene.ring / scene.belt_links
    px = 2.0  # texture pixels per world pixel
    width, height = int(round(pitch * px)), 128
    base = to_linear(scene.belt_colour)
    x = (np.arange(width) + 0.5) / width
    y = (np.arange(height)[:, None] + 0.5) / height
    link = np.ones((height, width), np.float32)
    link *= 1 - 0.75 * (window(0.0, 0.035, 0.02, x) + window(0.965, 1.0, 0.02, x))[None]  # gap
    link *= 1 + 0.30 * window(0.045, 0.075, 0.015, x)[None]  # lit edge
    fingers = 0.5 + 0.5 * np.sign(np.sin(y * 2 * np.pi * 9))  # hinge fingers
    link *= 1 - 0.45 * fingers * window(0.88, 0.99, 0.012, x)[None]
    link *= 1 - 0.30 * (1 - fingers) * window(0.02, 0.12, 0.012, x)[None]
    link *= 1 + 0.05 * np.sin(y * 2 * np.pi * 9)
    strip = np.tile(link, (1, links_shown))
    # wear differs from link to link but repeats with the ring
    wear = cv2.resize(rng.normal(0, 1, (14, links_shown * 5)).astype(np.float32), strip.shape[::-1], interpolation=cv2.INTER_CUBIC)
    scratches = cv2.GaussianBlur(rng.normal(0, 1, strip.shape).astype(np.float32), (0, 0), sigmaX=14, sigmaY=0.6)
    link_tone = np.repeat(rng.normal(1, 0.07, links_shown), width).astype(np.float32)
    strip = strip * link_tone[None] * (1 + 0.07 * wear + 0.35 * scratches)
    blur = scene.speed * scene.shutter * px
    strip = np.concatenate([strip[:, -64:], strip, strip[:, :64]], 1)
    strip = cv2.blur(strip, (max(1, int(round(blur))), 1))[:, 64:-64]
    return (strip[..., None] * base).astype(np.float32)


class Belt:
    """Warps the endless belt texture under the camera."""

    def __init__(self, scene: Scene):
        self.scene = scene
        self.strip = belt_texture(scene, scene.belt_links)
        self.px = self.strip.shape[1] / scene.ring
        self.top, self.bottom = int(math.floor(scene.belt_back_y)), int(math.ceil(scene.belt_front_y))
        self.edge = 9  # visible thickness of the belt at the front
        reach = int(900 * self.px)
        n = self.strip.shape[1]
        wrap = np.arange(-reach, n + reach) % n
        self.wide, self.reach = self.strip[:, wrap], reach
        rows = (np.arange((self.bottom - self.top) * SS) + 0.5) / SS + self.top
        depth = (rows - scene.belt_front_y) / (scene.belt_back_y - scene.belt_front_y)
        cols = (np.arange(WIDTH * SS) + 0.5) / SS
        scale = np.array([scene.scale(d) for d in depth])
        self.world_x = ((cols[None] - scene.centre_x) / scale[:, None]).astype(np.float32)
        self.map_y = np.broadcast_to((1 - np.clip(depth, 0, 1))[:, None] * (self.strip.shape[0] - 1), self.world_x.shape).astype(np.float32)
        # the soft box mirrored in the belt, and the fall-off to the back
        sheen = 0.10 * np.exp(-((cols[None] - scene.centre_x + 110) / 150) ** 2) * (1 - depth[:, None] * 0.3)
        sheen = sheen + 0.05 * np.exp(-((cols[None] - scene.centre_x - 210) / 90) ** 2)
        self.sheen = sheen[..., None].astype(np.float32)
        self.gain = (0.85 + 0.45 * (1 - depth) - 0.35 * np.exp(-np.clip(1 - depth, 0, 1) * 9))[:, None, None].astype(np.float32)

    def draw(self, picture: np.ndarray, t: float):
        scene = self.scene
        shift = (scene.speed * t) % scene.ring
        map_x = ((self.world_x + scene.ring / 2 - shift) % scene.ring) * self.px
        surface = cv2.remap(self.wide, map_x + self.reach, self.map_y, cv2.INTER_LINEAR)
        surface = surface * self.gain + self.sheen * (0.5 + 2.0 * surface)
        y0, y1 = self.top * SS, self.bottom * SS
        picture[y0:y1, :, :3] = to_display(surface) * 255
        # the front edge: link ends, seen from the side
        cols = map_x[-1:] + self.reach
        edge_rows = self.edge * SS
        ends = cv2.remap(self.wide, np.repeat(cols, edge_rows, 0),
                         np.full((edge_rows, cols.shape[1]), self.strip.shape[0] - 8, np.float32), cv2.INTER_LINEAR)
        fall = np.linspace(1.25, 0.25, edge_rows, dtype=np.float32)[:, None, None]
        picture[y1:y1 + edge_rows, :, :3] = to_display(ends * fall + 0.006) * 255


# --------------------------------------------------------------------------
# The hall behind and the steel in front


def draw_hall_static(c, scene: Scene):
    """Everything of the hall that does not move, in focus; blurred later."""
    hall, rng = scene.hall, np.random.default_rng(scene.seed + 13)
    wall = scene.wall_colour
    c.drawRect(rect(0, 0, WIDTH, HEIGHT), gradient(0, 0, 0, 260, [(0, shade(wall, 0.62)), (0.45, shade(wall, 0.95)), (1, shade(wall, 0.45))]))
    for x in range(0, WIDTH, 8):  # corrugated sheet
        c.drawRect(rect(x, 0, x + 3, 260), paint((0, 0, 0), 26))
    # windows high up
    day = scene.daylight
    x = hall["window_x"] - hall["window_w"] - 18
    while x < WIDTH:
        c.drawRect(rect(x - 4, 12, x + hall["window_w"] + 4, 84), paint(shade(wall, 0.35)))
        c.drawRect(rect(x, 16, x + hall["window_w"], 80), gradient(0, 16, 0, 80, [(0, shade(day, 1.0)), (1, shade(day, 0.78))]))
        for i in range(1, 4):
            mx = x + hall["window_w"] * i / 4
            c.drawRect(rect(mx - 1.5, 16, mx + 1.5, 80), paint(shade(wall, 0.4)))
        c.drawRect(rect(x, 46, x + hall["window_w"], 49), paint(shade(wall, 0.4)))
        x += hall["window_w"] + 34
    # pipes along the wall
    for y, size, colour in hall["pipes"]:
        c.drawRect(rect(0, y, WIDTH, y + size), metal(0, y, 0, y + size, colour))
        for fx in range(int(rng.integers(20, 90)), WIDTH, 150):
            c.drawRect(rect(fx, y - 2, fx + 6, y + size + 2), metal(0, y - 2, 0, y + size + 2, shade(colour, 0.8)))
    # shelves with cartons
    for sx, sw in hall["shelves"]:
        for level in range(3):
            y = 118 + level * 40
            x = sx + 3
            while x < sx + sw - 12:
                w, h = rng.integers(12, 26), rng.integers(14, 30)
                tone = shade((176, 134, 88), rng.uniform(0.6, 1.1)) if rng.random() < 0.7 else shade((90, 120, 150), rng.uniform(0.6, 1.1))
                c.drawRect(rect(x, y + 34 - h, min(x + w, sx + sw - 3), y + 34), paint(tone))
                x += w + 2
            c.drawRect(rect(sx, y + 34, sx + sw, y + 38), paint((190, 92, 30)))
        for px in (sx, sx + sw):
            c.drawRect(rect(px - 2, 100, px + 2, 250), paint((40, 74, 128)))
    # vessels
    for tx, tw, ty, tone in hall["tanks"]:
        c.drawOval(rect(tx, ty - tw * 0.16, tx + tw, ty + tw * 0.30), tank_metal(tx, tx + tw, shade(tone, 1.1)))
        c.drawRect(rect(tx, ty + tw * 0.07, tx + tw, 226), tank_metal(tx, tx + tw, tone))
        for band in (0.25, 0.6):
            y = ty + (226 - ty) * band
            c.drawRect(rect(tx - 1, y, tx + tw + 1, y + 3), tank_metal(tx, tx + tw, shade(tone, 0.7)))
        c.drawRect(rect(tx + tw * 0.45, ty - 40, tx + tw * 0.55, ty - 2), metal(tx + tw * 0.45, 0, tx + tw * 0.55, 0, tone))
        c.drawCircle(tx + tw * 0.62, ty + 38, tw * 0.09, paint((235, 238, 240)))
        c.drawCircle(tx + tw * 0.62, ty + 38, tw * 0.09, paint((60, 64, 70), Style=skia.Paint.kStroke_Style, StrokeWidth=2))
    # columns with a hazard band
    for px in hall["columns"]:
        c.drawRect(rect(px, 0, px + 16, 260), gradient(px, 0, px + 16, 0, [(0, (92, 100, 112)), (0.25, (150, 158, 168)), (0.3, (70, 76, 86)), (0.7, (84, 92, 102)), (1, (40, 44, 52))]))
        for i in range(6):
            c.drawRect(rect(px, 150 + i * 8, px + 16, 154 + i * 8), paint((226, 178, 30) if i % 2 == 0 else (30, 30, 32)))
    # switch cabinet with a screen
    bx = hall["cabinet_x"]
    c.drawRect(rect(bx, 128, bx + 62, 250), gradient(bx, 0, bx + 62, 0, [(0, (126, 134, 140)), (0.1, (176, 184, 190)), (1, (112, 120, 128))]))
    c.drawRect(rect(bx + 10, 140, bx + 52, 166), gradient(0, 140, 0, 166, [(0, (30, 90, 120)), (1, (60, 170, 190))]))
    for i in range(5):
        c.drawRect(rect(bx + 13 + i * 8, 163 - hall["bars"][i], bx + 18 + i * 8, 163), paint((210, 244, 240)))
    # far floor and railing
    c.drawRect(rect(0, 214, WIDTH, HEIGHT), gradient(0, 214, 0, 262, [(0, shade(hall["floor"], 1.0)), (1, shade(hall["floor"], 0.45))]))
    for y in (176, 196):
        c.drawRect(rect(0, y, WIDTH, y + 4), gradient(0, y, 0, y + 4, [(0, (250, 206, 60)), (1, (150, 108, 14))]))
    for px in range(int(hall["rail_phase"]), WIDTH, 118):
        c.drawRect(rect(px, 174, px + 4, 244), gradient(px, 0, px + 4, 0, [(0, (250, 206, 60)), (1, (150, 108, 14))]))
    # ceiling lamps
    for lx in hall["lamps"]:
        c.drawLine(lx, -4, lx, 12, paint((30, 32, 36), StrokeWidth=2))
        c.drawRect(rect(lx - 26, 10, lx + 26, 16), paint((255, 252, 240)))
    # the hanging sign
    sx = hall["sign_x"]
    c.drawLine(sx + 8, 0, sx + 8, 92, paint((50, 54, 60), StrokeWidth=1.5))
    c.drawLine(sx + 76, 0, sx + 76, 92, paint((50, 54, 60), StrokeWidth=1.5))
    c.drawRoundRect(rect(sx, 90, sx + 84, 118), 3, 3, paint(hall["sign_colour"]))
    c.drawString(f"LINE {hall['number']}", sx + 9, 111, skia.Font(skia.Typeface("DejaVu Sans", skia.FontStyle.Bold()), 19), paint((250, 250, 250)))


def draw_hall_moving(c, scene: Scene, t: float):
    """The hall's moving parts: fan, robot arm, lamps. Whole turns per loop only."""
    hall, turn = scene.hall, 2 * math.pi * t / scene.frames
    # exhaust fan with daylight behind it
    fx, fy, fr = hall["fan"]
    c.drawCircle(fx, fy, fr + 5, paint((46, 50, 56)))
    c.drawCircle(fx, fy, fr, paint(shade(scene.daylight, 0.98)))
    angle = turn * hall["fan_turns"]
    for i in range(5):
        blade = skia.Path()
        a = angle + i * 2 * math.pi / 5
        blade.moveTo(fx, fy)
        blade.lineTo(fx + fr * math.cos(a), fy + fr * math.sin(a))
        blade.arcTo(rect(fx - fr, fy - fr, fx + fr, fy + fr), math.degrees(a), 38, False)
        blade.close()
        c.drawPath(blade, paint((52, 56, 62)))
    c.drawCircle(fx, fy, fr * 0.22, paint((36, 38, 44)))
    # robot arm, two joints on sines
    ax, ay = hall["arm"]
    swing = math.sin(turn * 2 + hall["arm_phase"])
    reach = math.sin(turn * 4 + hall["arm_phase"] * 2)
    a1 = math.radians(-98 + 26 * swing)
    a2 = a1 + math.radians(96 + 22 * reach)
    p1 = (ax + 58 * math.cos(a1), ay + 58 * math.sin(a1))
    p2 = (p1[0] + 50 * math.cos(a2), p1[1] + 50 * math.sin(a2))
    colour = hall["arm_colour"]
    c.drawRect(rect(ax - 15, ay, ax + 15, ay + 40), gradient(ax - 15, 0, ax + 15, 0, [(0, shade(colour, 0.9)), (0.3, shade(colour, 1.15)), (1, shade(colour, 0.4))]))
    for (x0, y0), (x1, y1), w in (((ax, ay), p1, 17), (p1, p2, 12)):
        c.drawLine(x0, y0 + 2, x1, y1 + 2, paint(shade(colour, 0.45), StrokeWidth=w, StrokeCap=skia.Paint.kRound_Cap))
        c.drawLine(x0, y0, x1, y1, paint(colour, StrokeWidth=w * 0.8, StrokeCap=skia.Paint.kRound_Cap))
        c.drawLine(x0, y0 - 2, x1, y1 - 2, paint(shade(colour, 1.3), StrokeWidth=w * 0.25, StrokeCap=skia.Paint.kRound_Cap))
    for x, y, r in ((ax, ay, 11), (*p1, 9), (*p2, 6)):
        c.drawCircle(x, y, r, paint((52, 54, 60)))
        c.drawCircle(x - 1, y - 2, r * 0.5, paint((112, 116, 124)))
    c.drawRect(rect(p2[0] - 5, p2[1], p2[0] + 5, p2[1] + 16), paint((70, 74, 80)))
    # cabinet lamps
    bx = hall["cabinet_x"]
    for i, rgb in enumerate(((60, 230, 90), (250, 190, 40), (240, 60, 50))):
        on = 0.5 + 0.5 * math.sin(turn * (6, 9, 4)[i] + i)
        c.drawCircle(bx + 16 + i * 15, 178, 3.5, paint(shade(rgb, 0.35 + 0.65 * on)))
    # ceiling lamp halos and the rotating beacon
    for lx in hall["lamps"]:
        c.drawCircle(lx, 13, 60, glow(lx, 13, 60, (255, 246, 220), 120))
    kx, ky = hall["beacon"]
    beam = max(0.0, math.cos(turn * hall["beacon_turns"])) ** 3
    c.drawRect(rect(kx - 4, ky, kx + 4, ky + 9), paint((60, 40, 20)))
    c.drawCircle(kx, ky, 5, paint((255, 150 + 60 * beam, 40 + 120 * beam)))
    c.drawCircle(kx, ky, 70, glow(kx, ky, 70, (255, 130, 20), 40 + 190 * beam))


def draw_steel(c, scene: Scene, back: bool):
    """The guide rails, and in front the frame of the conveyor, at SS scale."""
    s = SS
    if back:
        y = scene.belt_back_y - 26
        for px in range(int(scene.hall["post_phase"]), WIDTH, 132):
            c.drawRect(rect((px - 2.5) * s, y * s, (px + 2.5) * s, (scene.belt_back_y + 1) * s), metal((px - 2.5) * s, 0, (px + 2.5) * s, 0))
        c.drawRect(rect(0, y * s, WIDTH * s, (y + 5) * s), metal(0, y * s, 0, (y + 5) * s))
        c.drawRect(rect(0, (scene.belt_back_y - 6) * s, WIDTH * s, (scene.belt_back_y + 1) * s),
                   gradient(0, (scene.belt_back_y - 6) * s, 0, (scene.belt_back_y + 1) * s, [(0, (170, 176, 182)), (0.3, (120, 126, 132)), (1, (30, 32, 36))]))
        return
    y0 = scene.belt_front_y + 9
    c.drawRect(rect(0, y0 * s, WIDTH * s, (y0 + 2) * s), paint((12, 13, 15)))
    c.drawRect(rect(0, (y0 + 2) * s, WIDTH * s, (y0 + 30) * s),
               gradient(0, (y0 + 2) * s, 0, (y0 + 30) * s, [(0, (214, 220, 224)), (0.08, (168, 174, 180)), (0.5, (132, 139, 146)), (0.9, (92, 98, 106)), (1, (40, 44, 50))]))
    c.drawRect(rect(0, (y0 + 30) * s, WIDTH * s, HEIGHT * s), gradient(0, (y0 + 30) * s, 0, HEIGHT * s, [(0, (16, 17, 20)), (1, (34, 36, 40))]))
    for px in range(int(scene.hall["post_phase"]) - 100, WIDTH + 60, 66):  # bolts
        x, y = px * s, (y0 + 22) * s
        c.drawCircle(x, y + 1, 3.1 * s, paint((40, 44, 50)))
        c.drawCircle(x, y, 2.7 * s, gradient(x, y - 6, x, y + 6, [(0, (226, 230, 234)), (1, (96, 102, 110))]))
        c.drawCircle(x, y, 1.2 * s, paint((70, 75, 82)))
    nx = scene.hall["plate_x"] * s  # name plate and a hazard sticker
    c.drawRoundRect(rect(nx, (y0 + 7) * s, nx + 92 * s, (y0 + 25) * s), 4, 4, paint((24, 58, 110)))
    c.drawString(f"CONVEYOR {scene.hall['number']}A", nx + 8 * s, (y0 + 19.5) * s, skia.Font(skia.Typeface("DejaVu Sans", skia.FontStyle.Bold()), 9.5 * s), paint((238, 242, 246)))
    tri = skia.Path()
    tx = nx + 112 * s
    tri.addPoly([skia.Point(tx, (y0 + 25) * s), skia.Point(tx + 20 * s, (y0 + 25) * s), skia.Point(tx + 10 * s, (y0 + 8) * s)], True)
    c.drawPath(tri, paint((240, 196, 40)))
    c.drawString("!", tx + 8 * s, (y0 + 23.5) * s, skia.Font(skia.Typeface("DejaVu Sans", skia.FontStyle.Bold()), 12 * s), paint((24, 24, 24)))
    if scene.front_rail:
        y = scene.belt_front_y - scene.rail_height
        for px in range(int(scene.hall["post_phase"]) + 50, WIDTH + 20, 190):
            c.drawRect(rect((px - 4) * s, (y - 3) * s, (px + 4) * s, (y0 + 14) * s), metal((px - 4) * s, 0, (px + 4) * s, 0, (132, 138, 146)))
            c.drawCircle(px * s, (y0 + 10) * s, 2.4 * s, paint((54, 58, 64)))
        c.drawRect(rect(0, y * s, WIDTH * s, (y + 5) * s), metal(0, y * s, 0, (y + 5) * s, (164, 170, 178)))


# --------------------------------------------------------------------------
# Composition


class Renderer:
    """Holds what does not change between the frames of a scene."""

    def __init__(self, scene: Scene):
        self.scene = scene
        self.belt = Belt(scene)
        # far lane first: later objects hide earlier ones
        self.order = sorted(range(len(scene.bottles)), key=lambda i: -scene.bottles[i].depth)
        self.made = {}
        self.hall = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
        surface, c = canvas_on(self.hall)
        draw_hall_static(c, scene)
        surface.flushAndSubmit()
        self.back_steel, self.front_steel = self._steel(True), self._steel(False)
        steel = np.zeros((HEIGHT * SS, WIDTH * SS, 4), np.uint8)
        surface, c = canvas_on(steel)
        draw_steel(c, scene, False)
        surface.flushAndSubmit()
        self.steel_mask = cv2.resize(steel[..., 3], (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA) > 127
        yy, xx = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
        self.xx, self.yy = xx / WIDTH, yy / HEIGHT
        radius = np.hypot(self.xx - 0.5, (self.yy - 0.5) * 0.8)
        self.vignette = (1 - 0.38 * smooth(0.28, 0.75, radius))[..., None].astype(np.float32)

    def sprite(self, i):
        """Sprites are made when they first come into the picture."""
        if i not in self.made:
            self.made[i] = make_sprite(self.scene.bottles[i], self.scene)
        return self.made[i]

    def on_picture(self, t):
        """Indices of the objects that may touch the picture, farthest first."""
        reach = [footprint(b) + 30 for b in self.scene.bottles]
        return [i for i in self.order if -reach[i] < self.scene.position(self.scene.bottles[i], t) < WIDTH + reach[i]]

    def _steel(self, back):
        layer = np.zeros((HEIGHT * SS, WIDTH * SS, 4), np.uint8)
        surface, c = canvas_on(layer)
        draw_steel(c, self.scene, back)
        surface.flushAndSubmit()
        if not back:  # brushed metal
            rng = np.random.default_rng(self.scene.seed + 5)
            grain = cv2.GaussianBlur(rng.normal(0, 1, layer.shape[:2]).astype(np.float32), (0, 0), sigmaX=22, sigmaY=0.7)
            frame_top = int((self.scene.belt_front_y + 11) * SS)
            part = layer[frame_top:, :, :3].astype(np.float32) * (1 + 0.45 * grain[frame_top:, :, None])
            layer[frame_top:, :, :3] = np.clip(part, 0, 255)
        return skia.Image.fromarray(layer, colorType=skia.kRGBA_8888_ColorType, copy=True)

    def _background(self, t):
        picture = self.hall.copy()
        surface, c = canvas_on(picture)
        draw_hall_moving(c, self.scene, t)
        surface.flushAndSubmit()
        picture = cv2.GaussianBlur(picture, (0, 0), self.scene.defocus)
        return cv2.resize(picture, (WIDTH * SS, HEIGHT * SS), interpolation=cv2.INTER_LINEAR)

    def _light(self, t):
        """The moving light: clouds over the skylights, the beacon's sweep."""
        scene, turn = self.scene, 2 * math.pi * t / self.scene.frames
        cx = 0.5 + 0.42 * math.sin(turn)
        gain = 0.90 + 0.20 * np.exp(-((self.xx - cx) / 0.34) ** 2) * (0.6 + 0.4 * (1 - self.yy))
        gain = gain + 0.03 * math.sin(2 * turn + 1.0)
        beam = max(0.0, math.cos(turn * scene.hall["beacon_turns"])) ** 3
        kx = scene.hall["beacon"][0] / WIDTH
        warm = (0.10 * beam) * np.exp(-((self.xx - kx) / 0.22) ** 2)
        return gain[..., None] + warm[..., None] * np.array([1.0, 0.45, 0.05], np.float32)

    def raw(self, t: float) -> np.ndarray:
        """Frame `t` as float RGB 0..1 before the sensor."""
        scene = self.scene
        picture = self._background(t)
        surface, c = canvas_on(picture)
        c.drawImage(self.back_steel, 0, 0)
        surface.flushAndSubmit()
        self.belt.draw(picture, t)
        surface, c = canvas_on(picture)
        linear = skia.SamplingOptions(skia.FilterMode.kLinear)
        feet = [(scene.position(b, t) * SS, scene.row(b.depth) * SS) for b in scene.bottles]
        order = self.on_picture(t)
        c.save()
        c.clipRect(rect(0, scene.belt_back_y * SS, WIDTH * SS, scene.belt_front_y * SS))
        for i in order:
            (x, y), s = feet[i], self.sprite(i)
            c.drawImage(s.shadow, x - s.shadow_origin[0], y - s.shadow_origin[1], linear)
        for i in order:
            (x, y), s = feet[i], self.sprite(i)
            c.drawImage(s.mirror, x - s.origin[0], y + s.mirror_top, linear)
        c.restore()
        for i in order:
            (x, y), s = feet[i], self.sprite(i)
            c.drawImage(s.image, x - s.origin[0], y - s.origin[1], linear)
        c.drawImage(self.front_steel, 0, 0)
        surface.flushAndSubmit()
        small = cv2.resize(picture[..., :3], (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        small = small * self._light(t) * self.vignette * scene.exposure * np.array(scene.white_balance, np.float32)
        bright = np.clip(cv2.resize(small, (WIDTH // 4, HEIGHT // 4), interpolation=cv2.INTER_AREA) - 0.72, 0, 1)
        halo = cv2.resize(cv2.GaussianBlur(bright, (0, 0), 6), (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
        small = small + 0.75 * halo
        small = 0.5 + (small - 0.5) * scene.contrast
        # a soft shoulder keeps the windows from clipping hard
        return np.where(small > 0.8, 0.8 + 0.2 * np.tanh((small - 0.8) / 0.2), small)

    def frame(self, t: int) -> np.ndarray:
        """Frame `t` as the camera delivers it: 8-bit RGB with noise."""
        picture = self.raw(t)
        rng = np.random.default_rng((self.scene.seed, 90001, int(t)))
        sigma = self.scene.noise * (0.5 + 0.9 * np.sqrt(np.clip(picture, 0, 1)))
        luma = rng.standard_normal(picture.shape[:2], np.float32)[..., None]
        chroma = rng.standard_normal(picture.shape, np.float32)
        picture = picture + sigma * (0.8 * luma + 0.45 * chroma)
        return np.clip(picture * 255 + 0.5, 0, 255).astype(np.uint8)

    def truth(self, t: int) -> list:
        """Boxes of frame `t`: silhouettes clipped to the picture, and how much of each is seen."""
        scene, found = self.scene, []
        free = ~self.steel_mask
        for i in reversed(self.on_picture(t)):  # nearest first
            b, s = scene.bottles[i], self.sprite(i)
            x, y = scene.position(b, t), scene.row(b.depth)
            left, top = int(round(x)) - int(s.mask_origin[0]), int(round(y)) - int(s.mask_origin[1])
            rows, cols = s.mask.shape
            x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + cols, WIDTH), min(top + rows, HEIGHT)
            if x0 >= x1 or y0 >= y1:
                continue
            part = s.mask[y0 - top:y1 - top, x0 - left:x1 - left]
            seen = (part & free[y0:y1, x0:x1]).sum() / s.mask.sum()
            free[y0:y1, x0:x1] &= ~part
            box = [np.clip(x + s.box[0], 0, WIDTH), np.clip(y + s.box[1], 0, HEIGHT),
                   np.clip(x + s.box[2], 0, WIDTH), np.clip(y + s.box[3], 0, HEIGHT)]
            if box[2] - box[0] < 1 or seen <= 0:
                continue
            found.append(dict(id=i, label=LABELS[b.kind], box=[round(float(v), 2) for v in box], visible=round(float(seen), 3)))
        return sorted(found, key=lambda o: o["id"])


# --------------------------------------------------------------------------
# Scenes

CAPS = ((30, 84, 190), (206, 36, 36), (240, 240, 238), (28, 128, 64), (240, 176, 24), (236, 110, 24), (24, 24, 28), (70, 160, 210), (210, 170, 70), (120, 50, 140))
STYLES = (  # shape, material, tint, height range, radius range
    ("soda", "clear", (66, 22, 10), (138, 160), (22, 26)),
    ("soda", "clear", (240, 150, 30), (134, 158), (22, 26)),
    ("water", "clear", (176, 222, 238), (136, 160), (21, 25)),
    ("water", "clear", (150, 214, 190), (130, 156), (21, 25)),
    ("juice", "clear", (246, 138, 20), (112, 134), (24, 29)),
    ("juice", "clear", (176, 26, 52), (112, 134), (24, 29)),
    ("juice", "clear", (150, 186, 40), (112, 134), (24, 29)),
    ("milk", "opaque", (236, 234, 226), (114, 138), (24, 29)),
    ("milk", "opaque", (150, 196, 226), (114, 138), (24, 28)),
    ("milk", "opaque", (242, 206, 210), (110, 132), (23, 28)),
    ("long", "glass", (110, 52, 12), (140, 162), (20, 24)),
    ("long", "glass", (36, 116, 58), (140, 162), (20, 24)),
    ("long", "glass", (200, 226, 224), (138, 160), (20, 24)),
)


def random_bottle(rng, kind: int, x: float, depth: float, size: float = 1.0, style=None) -> Bottle:
    shape, material, tint, heights, radii = STYLES[rng.integers(len(STYLES)) if style is None else style]
    tint = tuple(np.clip(np.array(tint) * rng.uniform(0.85, 1.12, 3), 4, 252))
    bottle = Bottle(
        kind=kind, x=x, depth=depth, shape=shape, material=material, tint=tint,
        height=rng.uniform(*heights) * size, radius=rng.uniform(*radii) * size,
        fill=rng.uniform(0.72, 0.9), cap_colour=shade(CAPS[rng.integers(len(CAPS))], rng.uniform(0.8, 1.15)),
        has_cap=kind != MISSING_CAP, label_seed=int(rng.integers(1 << 30)), label_turn=rng.choice([0.5, 1.5]) * math.pi + rng.normal(0, 0.55),
    )
    if kind == TIPPED_OVER:
        bottle.roll = float(rng.choice([-1, 1]) * (90 + rng.uniform(-9, 9)))
        bottle.yaw = float(rng.uniform(0.05, 0.30))
        bottle.has_cap = bool(rng.random() < 0.8)
    else:
        bottle.roll = float(rng.normal(0, 0.5))
        bottle.yaw = float(rng.uniform(0.17, 0.25))
    return bottle


def footprint(bottle: Bottle) -> float:
    """Half the room an object takes along the belt."""
    return bottle.height / 2 if bottle.kind == TIPPED_OVER else bottle.radius


def fill_belt(rng, scene: Scene, lanes, gap_range, mix=(0.44, 0.28, 0.28), size=1.0, nearest=0.62):
    """Queue objects along each lane; objects of different lanes may overlap in
    the picture but never stand exactly behind one another."""
    for lane in lanes:
        x, row = rng.uniform(0, 60), []
        while True:
            kind = int(rng.choice(3, p=mix))
            bottle = random_bottle(rng, kind, 0.0, float(np.clip(lane + rng.normal(0, 0.03), 0.05, 0.95)), size)
            if kind == TIPPED_OVER:  # keep a lying bottle on the belt
                bottle.depth = float(np.clip(bottle.depth, 0.08, 0.85))
            x += footprint(bottle)
            if x + footprint(bottle) > scene.ring:
                break
            bottle.x = x
            clash = any(abs((x - o.x + scene.ring / 2) % scene.ring - scene.ring / 2) < nearest * (footprint(bottle) + footprint(o)) for o in scene.bottles)
            if not clash:
                row.append(bottle)
            x += footprint(bottle) + rng.uniform(*gap_range)
        scene.bottles.extend(row)


def random_hall(rng) -> dict:
    return dict(
        window_x=rng.uniform(0, 120), window_w=rng.uniform(70, 140),
        pipes=[(rng.uniform(90, 130), rng.uniform(5, 11), PIPES[rng.integers(len(PIPES))]) for _ in range(rng.integers(1, 4))],
        shelves=[(rng.uniform(0, 560), rng.uniform(60, 120)) for _ in range(rng.integers(0, 3))],
        tanks=[(rng.uniform(-20, 600), rng.uniform(46, 92), rng.uniform(92, 140), shade((168, 174, 180), rng.uniform(0.7, 1.2))) for _ in range(rng.integers(1, 4))],
        columns=[rng.uniform(0, 620) for _ in range(rng.integers(0, 4))],
        cabinet_x=rng.uniform(0, 580), bars=[rng.uniform(4, 18) for _ in range(5)],
        floor=shade((116, 118, 116), rng.uniform(0.6, 1.2)), rail_phase=rng.uniform(0, 118),
        lamps=[rng.uniform(0, 640) for _ in range(rng.integers(1, 5))], sign_x=rng.uniform(0, 560),
        sign_colour=((20, 90, 60), (24, 60, 130), (150, 30, 30))[rng.integers(3)], number=int(rng.integers(1, 10)),
        fan=(rng.uniform(20, 620), rng.uniform(70, 120), rng.uniform(18, 34)), fan_turns=int(rng.integers(4, 14)),
        arm=(rng.uniform(20, 620), rng.uniform(168, 186)), arm_phase=rng.uniform(0, 6.28),
        arm_colour=((232, 112, 24), (230, 180, 30), (60, 120, 190), (220, 220, 216))[rng.integers(4)],
        beacon=(rng.uniform(20, 620), rng.uniform(60, 150)), beacon_turns=int(rng.integers(6, 14)),
        post_phase=rng.uniform(0, 130), plate_x=rng.uniform(20, 480),
    )


PIPES = ((150, 156, 162), (60, 110, 170), (176, 150, 60), (150, 70, 50), (80, 130, 90))
BELTS = ((66, 70, 76), (52, 76, 104), (60, 92, 80), (110, 112, 112), (40, 42, 46), (132, 124, 108), (150, 156, 160))


def random_scene(seed: int, crowded: bool = False) -> Scene:
    """A training or test scene. Everything the detector could latch on to varies.
    Crowded scenes have two full lanes, so that most bottles overlap another."""
    rng = np.random.default_rng(seed)
    front = rng.uniform(284, 312)
    base = rng.uniform(70, 190)
    scene = Scene(
        seed=seed, frames=300, speed=rng.uniform(4.4, 5.2), shutter=rng.uniform(0.1, 0.9),
        belt_front_y=front, belt_back_y=front - rng.uniform(50, 72), horizon_y=rng.uniform(-220, -90),
        centre_x=320 + rng.uniform(-80, 80), belt_colour=shade(BELTS[rng.integers(len(BELTS))], rng.uniform(0.75, 1.25)),
        belt_links=int(rng.integers(30, 60)),
        wall_colour=tuple(np.clip(base + rng.normal(0, 16, 3), 30, 230)),
        daylight=tuple(np.clip(np.array((226, 236, 246)) * rng.uniform(0.5, 1.05) * rng.uniform(0.92, 1.08, 3), 0, 255)),
        key_azimuth=rng.uniform(-20, 20), exposure=float(np.exp(rng.normal(0.02, 0.17))), contrast=rng.uniform(0.85, 1.2),
        white_balance=tuple(np.exp(rng.normal(0, 0.05, 3))), noise=rng.uniform(0.003, 0.028), defocus=rng.uniform(1.0, 3.2),
        front_rail=bool(rng.random() < 0.6), rail_height=rng.uniform(12, 30), hall=random_hall(rng),
    )
    lanes = [[0.28, 0.72], [0.24, 0.66], [0.45], [0.3]][rng.integers(4)]
    tight = rng.uniform(4, 40)
    if crowded:
        fill_belt(rng, scene, [0.27, 0.72], (6, 90), mix=(0.46, 0.36, 0.18), size=rng.uniform(0.88, 1.12), nearest=0.4)
    else:
        fill_belt(rng, scene, lanes, (tight, tight + rng.uniform(20, 140)), size=rng.uniform(0.88, 1.12))
    return scene


CLIP_SEED = 3
CLIP_FRAMES = 300
FRONT, BACK = 0.30, 0.74
CLIP_QUEUE = (  # place on the ring, lane, class, style, cap
    (50, FRONT, GOOD, 0, 1), (170, FRONT, GOOD, 4, 3), (330, FRONT, TIPPED_OVER, 2, 0), (470, FRONT, MISSING_CAP, 5, 0),
    (570, FRONT, GOOD, 10, 8), (720, FRONT, GOOD, 7, 0), (850, FRONT, MISSING_CAP, 11, 0), (960, FRONT, GOOD, 1, 5),
    (1110, FRONT, TIPPED_OVER, 9, 9), (1250, FRONT, GOOD, 3, 7),
    (10, BACK, MISSING_CAP, 2, 0), (112, BACK, GOOD, 10, 4), (250, BACK, GOOD, 8, 2), (400, BACK, GOOD, 11, 4),
    (528, BACK, GOOD, 6, 6), (650, BACK, TIPPED_OVER, 0, 1), (790, BACK, GOOD, 2, 7), (905, BACK, MISSING_CAP, 7, 0),
    (1020, BACK, GOOD, 5, 2), (1190, BACK, MISSING_CAP, 10, 0), (1295, BACK, GOOD, 4, 1),
)


def clip_scene() -> Scene:
    """The scene of `line3.mp4`: 12 s at 25 fps, one turn of the belt."""
    rng = np.random.default_rng(CLIP_SEED)
    scene = Scene(
        seed=CLIP_SEED, frames=CLIP_FRAMES, speed=4.5, shutter=0.45,
        belt_front_y=298, belt_back_y=236, horizon_y=-150, centre_x=320,
        belt_colour=(70, 88, 110), belt_links=45, wall_colour=(104, 116, 126), daylight=(214, 232, 246),
        key_azimuth=0.0, exposure=1.14, contrast=1.07, white_balance=(1.01, 1.0, 0.985), noise=0.009, defocus=1.9,
        front_rail=True, rail_height=17,
        hall=dict(
            window_x=60, window_w=118, pipes=[(94, 9, (150, 156, 162)), (106, 6, (60, 110, 170))],
            shelves=[(486, 104)], tanks=[(64, 86, 122, (172, 178, 184)), (160, 66, 136, (160, 166, 172))],
            columns=[30, 262, 452], cabinet_x=288, bars=[8, 14, 10, 17, 12], floor=(112, 114, 112), rail_phase=40,
            lamps=[130, 330, 540], sign_x=470, sign_colour=(20, 96, 66), number=3, fan=(606, 122, 22), fan_turns=9,
            arm=(404, 176), arm_phase=0.4, arm_colour=(232, 112, 24), beacon=(238, 118), beacon_turns=10,
            post_phase=44, plate_x=150,
        ),
    )
    for x, lane, kind, style, cap in CLIP_QUEUE:
        bottle = random_bottle(rng, kind, x, lane + rng.normal(0, 0.02), 1.0, style)
        bottle.cap_colour = CAPS[cap]
        bottle.label_turn = math.pi / 2 + rng.normal(0, 0.35)
        scene.bottles.append(bottle)
    return scene
