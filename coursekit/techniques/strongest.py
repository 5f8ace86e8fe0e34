"""Which positions of a layer are strongest, picture by picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from coursekit.networks.backend import tf
from coursekit.techniques.patches_search import ROW


def strongest_positions(maps: Any, to_beat: Any, per_picture: int) -> tuple:
    """Return where the maps of a batch are strongest, as tensors.

    Args:
        maps: (N, H, W, C), or (N, C). A thousand times as large as what goes out, they stay in the compiled function.
        to_beat: For each channel (C,) the activation that must be exceeded.
        per_picture: How many positions of a channel in one picture, P.

    Returns:
        Which pictures and channels exceed it (M, 2), their P largest values (M, P) with rows and columns, equal values
        in reading order, whether all values were finite, and whether there were none.
    """
    if maps.shape.rank == 2:
        maps = maps[:, tf.newaxis, tf.newaxis]
    of_rows = tf.reduce_max(maps, axis=2)  # (N, H, C)
    largest = tf.cast(tf.reduce_max(of_rows, axis=1), tf.float32)
    pairs = tf.cast(tf.where(largest > to_beat), tf.int32)
    # The P largest lie in the P rows with the largest maxima, so that only these rows have to be looked at.
    height, width = tf.shape(maps)[1], tf.shape(maps)[2]
    candidates = tf.gather_nd(tf.transpose(of_rows, (0, 2, 1)), pairs)  # (M, H)
    rows = tf.sort(tf.math.top_k(candidates, tf.minimum(per_picture, height)).indices, axis=1)
    picture, channel = pairs[:, 0, tf.newaxis, tf.newaxis], pairs[:, 1, tf.newaxis, tf.newaxis]
    where = [picture, rows[:, :, tf.newaxis], tf.range(width)[tf.newaxis, tf.newaxis], channel]
    shape = tf.stack([tf.shape(rows)[0], tf.shape(rows)[1], width])
    lines = tf.gather_nd(maps, tf.stack([tf.broadcast_to(index, shape) for index in where], axis=-1))
    lines = tf.reshape(lines, (shape[0], shape[1] * width))
    best = tf.math.top_k(lines, tf.minimum(per_picture, shape[1] * width))  # of equal ones the first
    found_rows = tf.gather(rows, best.indices // width, batch_dims=1)
    finite, empty = tf.reduce_all(tf.math.is_finite(largest)), height * width == 0
    return pairs, tf.cast(best.values, tf.float32), found_rows, best.indices % width, finite, empty


def table_of(found: Sequence[np.ndarray], indices: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return what ``strongest_positions`` found, as arrays, as rows of a table.

    Args:
        found: Its first four parts.
        indices: (N,) of the batch's pictures among all.
        size: Their height and width.
    """
    pairs, values, rows, columns = found
    table = np.empty(values.shape, ROW)
    table["picture"], table["channel"] = indices[pairs[:, :1]], pairs[:, 1:]
    table["value"], table["row"], table["column"] = values, rows, columns
    table["height"], table["width"] = size
    return table.ravel()
