"""Pictures in a style of their own, painted by code: nobody's rights are in the way, and a reader can paint others."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from coursekit.pictures.resizing import as_size
from coursekit.validation import as_count, nearest

_BRISTLES = np.array([[-1, -0.5, 0, 0.5], [-0.45, 0.05, 0.55, 1]])  # left and right edges of them, across a stroke
_FINER = 2  # painted at twice the size and averaged, so that edges are smooth


def painting(name: str, size: int | tuple[int, int] = 256, seed: int = 0) -> np.ndarray:
    """Return a picture that code has painted: a style for ``transfer_style`` and ``train_stylizer``.

    - ``"strokes"``: short brush strokes that follow a field of directions with whirls, in blue and gold.
    - ``"mosaic"``: stones of many colours with dark joints, the cells of a Voronoi diagram.
    - ``"waves"``: bands with dark outlines that run side by side, in indigo, cream and coral.

    Everything in it grows with the shorter side: a larger painting of a square is the same picture with more pixels.

    Args:
        name: ``"strokes"``, ``"mosaic"`` or ``"waves"``.
        size: The height and width in pixels; one number makes a square.
        seed: Another one paints another picture in the same style.

    Returns:
        (H, W, 3) uint8, RGB; the same for the same arguments.

    Raises:
        TypeError: ``size`` or ``seed`` are no whole numbers.
        ValueError: There is no such painting, or it is to be smaller than 16 pixels.

    Example:
        >>> from coursekit import painting
        >>> painting("mosaic", (64, 96)).shape
        (64, 96, 3)
    """
    if not isinstance(name, str) or name not in PAINTINGS:
        raise ValueError(f"There is no painting {name!r}. {nearest(name, PAINTINGS)}")
    height, width = as_size(size)
    if min(height, width) < 16:
        raise ValueError(f"A painting needs 16 pixels on each side at least, not {height} x {width}.")
    random = np.random.default_rng(as_count(seed, "seed", 0))
    fine = PAINTINGS[name](random, height * _FINER, width * _FINER)
    blocks = fine.reshape(height, _FINER, width, _FINER, 3).mean((1, 3))
    return np.rint(np.clip(blocks, 0, 255)).astype(np.uint8)


def _strokes(random: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Paint strokes along a field, coarse ones first, in the colours of a night with lights."""
    short = min(height, width)
    extent = np.array([height, width]) / short  # places below are in parts of the shorter side
    lights = random.uniform(0.1, 0.9, (5, 2)) * extent
    turn = random.choice([-1, 1], 5)
    waves = random.uniform(-5, 5, (4, 2))
    phases = random.uniform(0, 2 * np.pi, 4)

    def direction(places: np.ndarray) -> np.ndarray:
        """Return unit vectors (N, 2): around each light near it, along slow waves elsewhere."""
        away = places[:, np.newaxis] - lights
        nearness = np.exp(-(away**2).sum(2) / 0.02) * turn
        angle = 0.5 * np.sin(places @ waves.T + phases).sum(1)
        flow = np.stack([np.sin(angle), np.cos(angle)], 1)
        flow += 9 * ((nearness[..., np.newaxis] * np.stack([away[..., 1], -away[..., 0]], 2)) / 0.15).sum(1)
        return flow / (np.linalg.norm(flow, axis=1, keepdims=True) + 1e-9)

    night = np.float64([[18, 30, 84], [28, 62, 138], [52, 104, 172], [98, 150, 190], [22, 44, 60], [156, 190, 196]])
    light = np.float64([[246, 214, 92], [236, 168, 48], [250, 236, 170], [214, 118, 40]])
    canvas = Image.new("RGB", (width, height), tuple(night[0].astype(int)))
    draw = ImageDraw.Draw(canvas)
    for length, thickness, count in ((0.13, 0.017, 900), (0.085, 0.011, 1500)):
        count = int(count * extent.prod())
        path = [random.uniform(-0.05, 1.05, (count, 2)) * extent]
        for _ in range(6):
            path.append(path[-1] + length / 6 * direction(path[-1]))
        path = np.stack(path, 1)  # (strokes, points, 2)
        middle = path[:, 3]
        close = np.exp(-((middle[:, np.newaxis] - lights) ** 2).sum(2) / 0.012).max(1)
        lit = close + random.normal(0, 0.12, count) > 0.5
        slow = np.sin(middle @ waves[:2].T + phases[:2]).sum(1)
        tone = np.clip(np.rint(2.2 + 1.3 * slow + random.normal(0, 1.1, count)), 0, len(night) - 1).astype(int)
        hue = np.where(lit[:, np.newaxis], light[random.integers(0, len(light), count)], night[tone])
        hue = hue + random.normal(0, 9, (count, 1))
        across = np.stack([direction(path[:, i]) for i in range(7)], 1)[..., ::-1] * [1, -1]
        half = thickness / 2 * np.sin(np.linspace(0.25, np.pi - 0.15, 7))[:, np.newaxis] * across
        left, right = (path[:, np.newaxis] + np.multiply.outer(edges, half).swapaxes(0, 1) for edges in _BRISTLES)
        outlines = np.concatenate([left, right[:, :, ::-1]], 2)[..., ::-1] * short  # (strokes, bristles, points, xy)
        colours = hue[:, np.newaxis] + random.normal(0, 13, (count, len(_BRISTLES[0]), 1))
        colours = np.rint(np.clip(colours, 0, 255)).astype(int)
        for outline, colour in zip(outlines.reshape(-1, 14, 2), colours.reshape(-1, 3), strict=True):
            draw.polygon(outline.ravel().tolist(), tuple(colour.tolist()))
    return np.asarray(canvas)


def _mosaic(random: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Lay stones of about the same size; slow waves choose their colours, so that neighbours form patches."""
    from scipy.spatial import cKDTree

    short = min(height, width)
    side = short / 17
    rows, columns = np.meshgrid(
        np.arange(-side, height + side, side), np.arange(-side, width + side, side), indexing="ij"
    )
    rows = rows + np.where(np.arange(rows.shape[1]) % 2, side / 2, 0)  # bonded, as bricks are
    middles = np.stack([rows.ravel(), columns.ravel()], 1)
    middles = middles + random.uniform(-0.36, 0.36, middles.shape) * side
    palette = np.float64(
        [[36, 66, 110], [44, 128, 140], [122, 176, 152], [240, 226, 190], [232, 176, 74], [204, 92, 52], [140, 42, 46]]
    )
    waves, phases = random.uniform(-9, 9, (3, 2)), random.uniform(0, 2 * np.pi, 3)
    slow = np.sin(middles / short @ waves.T + phases).sum(1)
    which = np.rint(3 + 1.9 * slow + random.normal(0, 0.8, len(middles))).astype(int) % len(palette)
    hue = palette[which] + random.normal(0, 9, (len(middles), 1)) + random.normal(0, 4, (len(middles), 3))
    tilt = random.normal(0, 1, (len(middles), 2)) * 9 / side  # each stone is a little brighter to one side
    places = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij"), 2).reshape(-1, 2) + 0.5
    far, near = cKDTree(middles).query(places, 2)
    joint = far[:, 1] - far[:, 0]  # 0 on the border between two stones
    shade = ((places - middles[near[:, 0]]) * tilt[near[:, 0]]).sum(1) + random.normal(0, 3, len(places))
    rim = 26 * np.exp(-joint / (0.1 * side))  # darker at the edge, where a stone is rounded
    stone = hue[near[:, 0]] + (shade - rim)[:, np.newaxis]
    filled = np.clip((joint - 0.1 * side) / (0.06 * side), 0, 1)[:, np.newaxis]
    return (filled * stone + (1 - filled) * np.float64([34, 28, 30])).reshape(height, width, 3)


def _waves(random: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Print bands between the level lines of a few crossing waves, each with a dark outline and fine lines in it."""
    short = min(height, width)
    down, along = np.meshgrid(np.arange(height) / short, np.arange(width) / short, indexing="ij")
    level = 12 * down
    for strength in (1.5, 1.0, 0.6, 0.4):
        wave, phase = random.uniform(3, 9) * np.array([random.uniform(-1, 1), 1]), random.uniform(0, 2 * np.pi)
        level = level + strength * np.sin(wave[0] * down + wave[1] * along + phase)
    band = np.floor(level).astype(int)
    inside = level - band
    palette = np.float64(
        [[28, 44, 92], [238, 226, 200], [58, 110, 150], [226, 110, 86], [238, 226, 200], [30, 76, 110], [244, 190, 130]]
    )
    order = random.permutation(len(palette))
    picture = palette[order[band % len(palette)]]
    steep = np.hypot(*np.gradient(level)) * short / 2.6  # so that lines are equally wide where bands are narrow
    fine = 0.5 + 0.5 * np.sin(2 * np.pi * 4 * inside)
    picture = picture * (1 - 0.2 * (fine > 0.72))[..., np.newaxis]
    edge = np.minimum(inside, 1 - inside) / np.maximum(steep / 12 * 2.6, 0.2)
    ink = np.clip((edge - 0.055) / 0.03, 0, 1)[..., np.newaxis]
    return ink * picture + (1 - ink) * np.float64([20, 24, 44])


PAINTINGS: dict[str, Callable[[np.random.Generator, int, int], np.ndarray]] = {
    "strokes": _strokes,
    "mosaic": _mosaic,
    "waves": _waves,
}
