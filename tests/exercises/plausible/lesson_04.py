"""Wrong functions for lesson 04, none of them a usual mistake, as people write them; each takes a case by name."""

import numpy as np


def _overlap(masks, region):
    return (masks & region).sum((1, 2)) / (masks | region).sum((1, 2))


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
    "04.box": {
        "first clipped only": lambda rows, size, stride, offset, pixels: np.stack(
            [np.clip(offset + stride * rows, 0, pixels), offset + stride * rows + size], 1
        ),
        "end clipped only": lambda rows, size, stride, offset, pixels: np.stack(
            [offset + stride * rows, np.clip(offset + stride * rows + size, 0, pixels)], 1
        ),
        "to the last pixel": lambda rows, size, stride, offset, pixels: np.clip(
            np.stack([offset + stride * rows, offset + stride * rows + size], 1), 0, pixels - 1
        ),
        "offset taken off": lambda rows, size, stride, offset, pixels: np.clip(
            np.stack([stride * rows - offset, stride * rows - offset + size], 1), 0, pixels
        ),
        "size as stride": lambda rows, size, stride, offset, pixels: np.clip(
            np.stack([offset + size * rows, offset + size * rows + size], 1), 0, pixels
        ),
        "begin and length": lambda rows, size, stride, offset, pixels: np.stack(
            [np.clip(offset + stride * rows, 0, pixels), np.full(len(rows), size)], 1
        ),
        "offset times stride": lambda rows, size, stride, offset, pixels: np.clip(
            np.stack([stride * (rows + offset), stride * (rows + offset) + size], 1), 0, pixels
        ),
    },
    "04.overlap": {
        "the largest": lambda masks, region, count: masks.sum((1, 2)).argsort()[::-1][:count],
        "the smallest": lambda masks, region, count: masks.sum((1, 2)).argsort()[:count],
        "of the region's size": lambda masks, region, count: np.abs(masks.sum((1, 2)) - region.sum()).argsort(
            kind="stable"
        )[:count],
        "least in common": lambda masks, region, count: (masks & region).sum((1, 2)).argsort()[:count],
        "together over shared": lambda masks, region, count: (
            (masks | region).sum((1, 2)) / (masks & region).sum((1, 2))
        ).argsort()[::-1][:count],
        "the first ones": lambda masks, region, count: np.arange(count),
        "over the smaller": lambda masks, region, count: (
            (masks & region).sum((1, 2)) / np.minimum(masks.sum((1, 2)), region.sum())
        ).argsort()[::-1][:count],
        "the values themselves": lambda masks, region, count: np.sort(_overlap(masks, region))[::-1][:count],
        "one too few": lambda masks, region, count: _overlap(masks, region).argsort()[::-1][: count - 1],
        "the second best first": lambda masks, region, count: _overlap(masks, region).argsort()[::-1][1 : count + 1],
    },
}
