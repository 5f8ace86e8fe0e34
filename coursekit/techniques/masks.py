"""The part of a picture that a channel picks out, and how well it meets a region."""

from __future__ import annotations

from typing import Any

import numpy as np

from coursekit.pictures import resize
from coursekit.pictures.resizing import as_size
from coursekit.techniques.receptive_field import ReceptiveField
from coursekit.validation import as_index, as_maps


def activation_mask(
    activation: Any,
    size: int | tuple[int, int],
    quantile: float = 0.995,
    channel: int | None = None,
    threshold: float | np.ndarray | None = None,
    field: ReceptiveField | None = None,
) -> np.ndarray:
    """Return where in the picture a channel is exceptionally active.

    Each channel is enlarged bilinearly to the picture's size and cut at a threshold: the quantile of all its
    activations, over all the pictures that come in together. So give many pictures at once, and a picture without what
    the channel looks for gets an empty mask; alone, every picture has its most active spot. Above the threshold means
    strictly above, so a silent channel has an empty mask too.

    Paper: Bau, Zhou, Khosla, Oliva and Torralba, "Network Dissection: Quantifying Interpretability of Deep Visual
    Representations", CVPR 2017, arXiv:1704.05796. There the quantile is 0.995.

    Args:
        activation: One channel (h, w), a layer (h, w, C), or the layer for several pictures (N, h, w, C).
        size: (height, width) of the picture in pixels, or one number for both.
        quantile: Share of each channel's activations that lie below the threshold, from 0 to 1.
        channel: Only this one; the result then has no C.
        threshold: Take this instead of a quantile, one number or one for each channel (C,), for example from other
            pictures.
        field: The layer's ``receptive_field``. The values are then placed at the centres of what the units see, as in
            the paper, and not spread evenly over the picture.

    Returns:
        Boolean, with (height, width) in place of (h, w).

    Raises:
        TypeError, ValueError: ``activation`` holds no finite numbers of such a shape, there is no such channel,
            ``quantile`` is not from 0 to 1, or ``field`` belongs to a layer of another shape.

    Example:
        >>> import numpy as np
        >>> from coursekit import activation_mask
        >>> activation_mask(np.array([[0.0, 1.0], [0.0, 0.0]]), size=2, quantile=0.5)
        array([[False,  True],
               [False, False]])
    """
    if not 0 <= quantile <= 1:
        raise ValueError(f"quantile must be from 0 to 1, not {quantile}.")
    height, width = as_size(size)
    flat = np.ndim(activation) == 2
    maps, alone = as_maps(np.asarray(activation)[..., np.newaxis] if flat else activation)
    if channel is not None:
        if flat:
            raise ValueError("With a channel goes a layer (h, w, C) or (N, h, w, C); this is one channel, (h, w).")
        maps = maps[..., as_index(channel, maps.shape[-1], "channel"), np.newaxis]
    if threshold is None:
        threshold = np.quantile(maps, quantile, axis=(0, 1, 2))
    elif np.shape(threshold) not in ((), maps.shape[-1:]):
        raise ValueError(f"threshold must be one number or {maps.shape[-1]}, not of shape {np.shape(threshold)}.")
    size = (height, width)
    one_by_one = (maps[i : i + 1] for i in range(len(maps)))  # enlarged, all of them would take gigabytes
    enlarged = (resize(one, size) if field is None else _placed(one, size, field) for one in one_by_one)
    mask = np.concatenate([one > threshold for one in enlarged])
    mask = mask[..., 0] if flat or channel is not None else mask
    return mask[0] if alone else mask


def _placed(maps: np.ndarray, size: tuple[int, int], field: ReceptiveField) -> np.ndarray:
    """Return maps at a picture's size, each value at the centre of its receptive field, in between bilinearly."""
    if maps.shape[1:3] != field.shape:
        raise ValueError(f"The receptive field is of a layer of {field.shape}, the activation is {maps.shape[1:3]}.")
    if not np.isfinite([field.stride, field.offset]).all() or min(field.stride) <= 0:
        raise ValueError(f"The receptive fields of {field.layer!r} have no regular centres. Leave out field.")
    weights = []
    for axis in (0, 1):
        centres = field.offset[axis] + field.stride[axis] * np.arange(field.shape[axis]) + field.size[axis] / 2
        pixels = (np.arange(size[axis]) + 0.5) * field.input_size[axis] / size[axis]
        weights.append(np.stack([np.interp(pixels, centres, row) for row in np.eye(field.shape[axis])]))
    return np.einsum("nhwc,hy,wx->nyxc", maps, *weights, optimize=True).astype(np.float32)


def intersection_over_union(mask: Any, region: Any) -> float:
    """Return how well a mask meets a region: the pixels in both, divided by the pixels in either.

    Args:
        mask: Boolean, (H, W), or (N, H, W) for several pictures, which are counted together.
        region: Boolean, of the same shape.

    Returns:
        From 0, nothing in common, to 1, the same pixels; 0 if both are empty.

    Raises:
        TypeError: One of them is not boolean.
        ValueError: Their shapes differ.

    Example:
        >>> from coursekit import intersection_over_union
        >>> intersection_over_union([True, True, False], [True, False, False])
        0.5
    """
    mask, region = np.asarray(mask), np.asarray(region)
    for name, array in (("mask", mask), ("region", region)):
        if array.dtype != bool:
            raise TypeError(f"{name} must be boolean, not {array.dtype}; {name} > 0 makes it so.")
    if mask.shape != region.shape:
        raise ValueError(f"mask has shape {mask.shape}, but region {region.shape}.")
    either = np.count_nonzero(mask | region)
    return float(np.count_nonzero(mask & region) / either) if either else 0.0
