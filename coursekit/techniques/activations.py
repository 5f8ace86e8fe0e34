"""What the layers of a network answer to a picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import psutil

from coursekit.networks.backend import keras
from coursekit.networks.graph import as_inputs, compiled, find_layer, refuse_channels_first, steps
from coursekit.validation import as_count, as_maps
from coursekit.waiting import progress_bar


def activations(
    model: Any, images: Any, layers: str | Sequence[str] | None = None, batch_size: int = 32
) -> dict[str, np.ndarray] | np.ndarray:
    """Return the outputs of layers for pictures.

    The network is compiled on the first call for the same model and layers and kept; the next call costs one
    forward pass, however many layers are fetched.

    Args:
        model: A Keras model: Sequential, functional, nested, with one input or several.
        images: (H, W, C) or (N, H, W, C), in the size and range that the model takes.
        layers: A layer's name, several, or None for all of them. ``block1_conv1`` names a layer of a nested model too.
        batch_size: Pictures computed at a time.

    Returns:
        ``{layer: array}`` in the order of computation; one array if one layer name is given. The arrays are float32,
        (N, H, W, C), or (N, C) behind a global pooling; without the N for a picture that came alone. They are
        read-only views of the network's own memory where that saves a copy: ``.copy()`` gives one to write in.
        A layer with several outputs gives a list of arrays.

    Raises:
        TypeError: ``model`` is no Keras model with a graph, ``images`` holds no numbers, or ``layers`` no names.
        ValueError: There is no such layer (the nearest are named), the pictures do not fit, or the answers would not
            fit into memory.

    Example:
        >>> from coursekit import activations, photo, squeezenet
        >>> maps = activations(squeezenet(), photo("chelsea", 227), ["conv1", "pool10"])
        >>> {name: array.shape for name, array in maps.items()}
        {'conv1': (113, 113, 64), 'pool10': (1000,)}
    """
    if layers is None:
        names = [step.name for step in steps(model)]
    else:
        asked = list(layers) if isinstance(layers, Iterable) and not isinstance(layers, str) else [layers]
        if not asked:
            raise ValueError("No layer was asked for: give at least one name, or None for all layers.")
        names = list(dict.fromkeys(find_layer(model, layer).name for layer in asked))
    batch_size = as_count(batch_size, "batch_size")
    refuse_channels_first(model)
    batches, alone = as_inputs(model, images)
    forward = compiled(model, names)
    count = len(batches[0])
    arrays: list[np.ndarray] = []
    starts = range(0, count, batch_size)
    for start in progress_bar(starts, show=len(starts) > 1, unit="batch"):
        outputs = forward(*(batch[start : start + batch_size] for batch in batches))
        parts = keras.tree.flatten(outputs)
        if count <= batch_size:
            arrays = [np.asarray(part, np.float32) for part in parts]  # no copy where it lies in main memory as such
            break
        if not arrays:
            _check_memory(sum(part[0].nbytes for part in map(np.asarray, parts)) * count)
            arrays = [np.empty((count, *part.shape[1:]), np.float32) for part in parts]
        for array, part in zip(arrays, parts, strict=True):
            array[start : start + batch_size] = np.asarray(part, np.float32)
    if alone:
        arrays = [array[0] for array in arrays]
    results = keras.tree.pack_sequence_as(outputs, arrays)
    return results[0] if isinstance(layers, str) else dict(zip(names, results, strict=True))


def _check_memory(needed: int) -> None:
    """Refuse what would end the kernel, and everything in it, half way through."""
    free = psutil.virtual_memory().available
    if needed > free:
        raise ValueError(
            f"These activations would take {needed / 1e9:.0f} GB, and {free / 1e9:.0f} GB of memory are free. "
            "Ask for fewer layers, or for fewer pictures at a time."
        )


def strongest_channel(activation: np.ndarray) -> int | np.ndarray:
    """Return the index of the channel that holds the largest activation.

    Args:
        activation: (H, W, C), or (N, H, W, C) for several pictures.

    Returns:
        The channel, counted from 0; for several pictures an array (N,).

    Raises:
        TypeError, ValueError: It holds no finite numbers of that shape.

    Example:
        >>> import numpy as np
        >>> from coursekit import strongest_channel
        >>> strongest_channel(np.array([[[1.0, 5.0, 2.0]]]))
        1
    """
    batch, alone = as_maps(activation)
    channels = batch.max(axis=(1, 2)).argmax(axis=-1)
    return int(channels[0]) if alone else channels


def near_zero_channels(activation: np.ndarray, share: float = 0.01) -> np.ndarray:
    """Return the channels in which nothing happens, compared with the rest of their layer.

    A picture of a channel stretched to its own range looks alive even where all its values are next to nothing; this
    tells such channels apart.

    Args:
        activation: (H, W, C), or (N, H, W, C): then over all pictures together.
        share: A channel counts as near zero if its largest absolute value is at most this share of the layer's.

    Returns:
        The channels' indices, ascending.

    Raises:
        ValueError: ``share`` is not from 0 to 1.

    Example:
        >>> import numpy as np
        >>> from coursekit import near_zero_channels
        >>> near_zero_channels(np.array([[[1.0, 0.001, 2.0]]]))
        array([1])
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must be from 0 to 1, not {share}.")
    batch, _ = as_maps(activation)
    largest = np.abs(batch).max(axis=(0, 1, 2))
    return np.flatnonzero(largest <= share * largest.max())


def channel_statistics(activation: np.ndarray) -> dict[str, np.ndarray]:
    """Return a few numbers for each channel.

    Args:
        activation: (H, W, C), or (N, H, W, C): then over all pictures together.

    Returns:
        Arrays (C,): ``largest``, ``smallest`` and ``mean`` value, the share of ``zeros`` from 0 to 1, and whether the
        channel is ``near_zero`` (see ``near_zero_channels``).

    Raises:
        TypeError, ValueError: It holds no finite numbers of that shape.

    Example:
        >>> import numpy as np
        >>> from coursekit import channel_statistics
        >>> channel_statistics(np.array([[[0.0, 3.0]], [[2.0, 5.0]]]))["mean"]
        array([1., 4.], dtype=float32)
    """
    batch, _ = as_maps(activation)
    values = batch.reshape(-1, batch.shape[-1])
    near_zero = np.zeros(values.shape[1], bool)
    near_zero[near_zero_channels(batch)] = True
    return {
        "largest": values.max(axis=0),
        "smallest": values.min(axis=0),
        "mean": values.mean(axis=0),
        "zeros": (values == 0).mean(axis=0),
        "near_zero": near_zero,
    }
