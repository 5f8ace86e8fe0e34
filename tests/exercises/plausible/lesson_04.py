"""Wrong functions for lesson 04, none of them a usual mistake, as people write them; each takes a case by name."""

import numpy as np


def _overlaps(mask, region):
    return (mask & region).sum(), (mask | region).sum(), mask.sum(), region.sum()


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
        "the shared pixels": lambda mask, region: int(_overlaps(mask, region)[0]),
        "over all pixels": lambda mask, region: float(_overlaps(mask, region)[0] / mask.size),
        "smaller over larger": lambda mask, region: float(
            min(mask.sum(), region.sum()) / max(mask.sum(), region.sum())
        ),
        "over the smaller": lambda mask, region: float((mask & region).sum() / min(mask.sum(), region.sum())),
        "over the larger": lambda mask, region: float((mask & region).sum() / max(mask.sum(), region.sum())),
        "one minus it": lambda mask, region: float(1 - (mask & region).sum() / (mask | region).sum()),
        "mean of both shares": lambda mask, region: float(
            ((mask & region).sum() / mask.sum() + (mask & region).sum() / region.sum()) / 2
        ),
        "over the exclusive or": lambda mask, region: float((mask & region).sum() / (mask ^ region).sum()),
    },
}
