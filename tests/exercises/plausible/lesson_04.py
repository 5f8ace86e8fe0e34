"""Wrong functions for lesson 04, none of them a usual mistake, as people write them; each takes a case by name."""

import numpy as np


def _overlap(masks, region):
    return ((masks & region).sum((2, 3)) / (masks | region).sum((2, 3))).mean(0)


PLAUSIBLE = {
    "04.field-size": {
        "product of the kernels": lambda kernels, strides: int(np.prod(kernels)),
        "product of the strides": lambda kernels, strides: int(np.prod(strides)),
        "last kernel times strides": lambda kernels, strides: int(kernels[-1] * np.prod(strides[:-1])),
        "halves only": lambda kernels, strides: 1 + sum(k // 2 * s for k, s in zip(kernels, strides, strict=True)),
        "one layer late": lambda kernels, strides: (
            1 + sum((k - 1) * int(np.prod(strides[: max(i - 1, 0)])) for i, k in enumerate(kernels))
        ),
        "strides added": lambda kernels, strides: (
            1 + sum((k - 1) * max(1, sum(strides[:i])) for i, k in enumerate(kernels))
        ),
    },
    "04.who-sees": {
        "all of them": lambda pixel, size, stride, offset, rows: np.arange(rows),
        "how many": lambda pixel, size, stride, offset, rows: int(np.ceil(size / stride)),
        "as many as fit": lambda pixel, size, stride, offset, rows: np.arange(size // stride),
        "round its cell": lambda pixel, size, stride, offset, rows: np.arange(
            max(pixel // stride - size // stride // 2, 0), min(pixel // stride + size // stride // 2 + 1, rows)
        ),
        "the pixels of one": lambda pixel, size, stride, offset, rows: np.array(
            [offset + stride * (pixel // stride), offset + stride * (pixel // stride) + size]
        ),
        "from row -1 on": lambda pixel, size, stride, offset, rows: np.arange(
            (pixel - size - offset) // stride + 1, min((pixel - offset) // stride + 1, rows)
        ),
        "behind the last row": lambda pixel, size, stride, offset, rows: np.arange(
            max((pixel - size - offset) // stride + 1, 0), (pixel - offset) // stride + 1
        ),
        "as many as whole strides fit": lambda pixel, size, stride, offset, rows: np.arange(
            max((pixel - offset) // stride - size // stride + 1, 0), min((pixel - offset) // stride + 1, rows)
        ),
        "neither end counted in": lambda pixel, size, stride, offset, rows: np.flatnonzero(
            (offset + stride * np.arange(rows) < pixel) & (pixel < offset + stride * np.arange(rows) + size - 1)
        ),
        "the nearest": lambda pixel, size, stride, offset, rows: np.array(
            [int(np.abs(offset + stride * np.arange(rows) + size / 2 - pixel).argmin())]
        ),
        "from the pixel on": lambda pixel, size, stride, offset, rows: np.flatnonzero(
            offset + stride * np.arange(rows) >= pixel
        ),
        "as true and false": lambda pixel, size, stride, offset, rows: (
            (offset + stride * np.arange(rows) <= pixel) & (pixel < offset + stride * np.arange(rows) + size)
        ),
        "size as stride": lambda pixel, size, stride, offset, rows: np.flatnonzero(
            (offset + size * np.arange(rows) <= pixel) & (pixel < offset + size * np.arange(rows) + size)
        ),
    },
    "04.only-touch": {
        "all": lambda masks, region, touches, overlaps: np.arange(masks.shape[1]),
        "those that never touch": lambda masks, region, touches, overlaps: np.flatnonzero(
            ~(masks & region).any((0, 2, 3))
        ),
        "the other way": lambda masks, region, touches, overlaps: np.flatnonzero(
            ((masks & region).any((2, 3)).mean(0) < touches) & (_overlap(masks, region) >= overlaps)
        ),
        "on every picture": lambda masks, region, touches, overlaps: np.flatnonzero(
            (masks & region).all((0, 2, 3)) & (_overlap(masks, region) < overlaps)
        ),
        "pictures and channels exchanged": lambda masks, region, touches, overlaps: np.flatnonzero(
            ((masks & region).any((2, 3)).mean(1) >= touches) & (_overlap(np.swapaxes(masks, 0, 1), region) < overlaps)
        ),
        "the small ones": lambda masks, region, touches, overlaps: np.flatnonzero(
            masks.sum((2, 3)).mean(0) < region.sum()
        ),
        "as true and false": lambda masks, region, touches, overlaps: (
            ((masks & region).any((2, 3)).mean(0) >= touches) & (_overlap(masks, region) < overlaps)
        ),
        "how many": lambda masks, region, touches, overlaps: int(
            (((masks & region).any((2, 3)).mean(0) >= touches) & (_overlap(masks, region) < overlaps)).sum()
        ),
        "agreement": lambda masks, region, touches, overlaps: np.flatnonzero(
            ((masks & region).any((2, 3)).mean(0) >= touches) & ((masks == region).mean((0, 2, 3)) < overlaps)
        ),
    },
}
