"""What pages show of one unit, as plain data: its strongest patches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from coursekit.pictures.fitting import is_from_0_to_1, photos_for
from coursekit.show.encoding import encoded
from coursekit.techniques.patches import Patches, top_patches


def patch_rows(found: Patches) -> dict:
    """Return the patches of the first of the channels: picture, value, box, image as a file; and the largest's size."""
    table = zip(found.pictures[0], found.values[0], found.boxes[0], found.crops[0], strict=True)
    rows = [
        {"picture": int(i), "value": float(value), "box": box.tolist(), "image": encoded(crop)}
        for i, value, box, crop in table
    ]
    return {"patches": rows, "largest": np.array([crop.shape[:2] for crop in found.crops[0]]).max(axis=0).tolist()}


def course_patches(model: Any, layer: str, channel: int, picture: np.ndarray, k: int = 6) -> tuple[dict, list[bytes]]:
    """Return ``patch_rows`` of a channel in the course's photos, and the images that stand in it by their numbers.

    Args:
        model: A Keras model with one picture as its input.
        layer: A layer's name.
        channel: Of the layer.
        picture: (H, W, C), one that the model takes: its range of values is that of the network.
        k: How many.

    Raises:
        ValueError: The network takes values below zero, which photos do not have.
    """
    if picture.min() < 0:
        raise ValueError("This network takes values below 0, which the course's photos do not have.")
    photos = photos_for(picture.shape)
    seen = photos / np.float32(255) if is_from_0_to_1(picture) else photos
    found = top_patches(model, layer, seen, k, channels=channel)
    places = zip(found.pictures[0], found.boxes[0], strict=True)
    crops = [photos[i][top:bottom, left:right] for i, (top, left, bottom, right) in places]
    told = patch_rows(replace(found, crops=[crops]))
    images = [row["image"] for row in told["patches"]]
    rows = [{**row, "image": number} for number, row in enumerate(told["patches"])]
    return {**told, "patches": rows}, images
