"""What the page of a network shows of its layers, as plain data and bytes."""

from __future__ import annotations

from base64 import b64encode
from html import escape

import numpy as np

from coursekit.show.encoding import encoded, finite
from coursekit.show.network_map import NetworkMap, map_picture
from coursekit.show.scale import grey_levels

_TOP = 5
_SHEET = 160_000  # pixels that all channels of a layer have together, at most: as many as are drawn
_STRONGEST = 12


def score_rows(first: np.ndarray, now: np.ndarray) -> list[list]:
    """Return the classes that are listed: index, what was said of the clean photo, what is said now.

    They are the top classes of the clean photo, and the one that is said now.
    """
    rows = [int(i) for i in np.argsort(-first, kind="stable")[:_TOP]]
    winner = int(np.argmax(now))
    rows += [winner] * (winner not in rows)
    return [[i, *(finite(outputs[i]) for outputs in (first, now))] for i in rows]


def thumbnail(maps: np.ndarray, channel: int, ranges: tuple[np.ndarray, np.ndarray], side: int) -> np.ndarray:
    """Return a channel of a layer (H, W, C) as grey pixels (h, w) on its scale, its longer side at most ``side``."""
    low, high = (edge[channel : channel + 1] for edge in ranges)
    return grey_levels(maps[..., channel : channel + 1], low, high, side)[..., 0]


def all_thumbnails(maps: np.ndarray, ranges: tuple[np.ndarray, np.ndarray], shared: bool) -> np.ndarray:
    """Return all channels of a layer (H, W, C) as grey pixels (C, h, w), each on its own scale or all on one."""
    low, high = ranges
    if shared:
        low, high = np.full_like(low, low.min()), np.full_like(high, high.max())
    small = grey_levels(maps, low, high, max(8, round((_SHEET / maps.shape[-1]) ** 0.5)))
    return np.ascontiguousarray(np.moveaxis(small, -1, 0))


def has_odd(maps: np.ndarray, channel: int) -> bool:
    """Return whether a channel of a layer (H, W, C) holds NaN or infinity."""
    return not np.isfinite(maps[..., channel]).all()


def strongest_rows(channels: np.ndarray, values: np.ndarray) -> dict:
    """Return the first of the sorted channels of a place with their activations, and how many are above zero."""
    rows = [[int(c), finite(value)] for c, value in zip(channels[:_STRONGEST], values, strict=False)]
    return {"channels": rows, "above": int((values > 0).sum()), "count": len(values)}


def still_map(layout: NetworkMap, name: str, thumbnails: dict[int, np.ndarray], chosen: int, says: str) -> str:
    """Return a map as an HTML picture, for where there is no kernel.

    Args:
        layout: The map.
        name: Of the network.
        thumbnails: What stands in the boxes, by their numbers.
        chosen: The box that is marked.
        says: What the network says of the photo, as a sentence, or nothing.
    """
    layers = [layer for box in layout.boxes for layer in box.layers]
    alt = (
        f"The map of {name}: {len(layers)} layers in {len(layout.boxes)} boxes, from {layers[0]} to {layers[-1]}; "
        f"in {len(thumbnails)} of them a channel for the photo.{says}"
    )
    picture = b64encode(encoded(map_picture(layout, thumbnails, chosen))).decode()
    return f'<img alt="{escape(alt)}" src="data:image/jpeg;base64,{picture}">'
