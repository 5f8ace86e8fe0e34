"""Which parts of which pictures excite a channel most."""

from __future__ import annotations

import functools
import os
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from coursekit.networks.backend import tf
from coursekit.networks.cluster import as_client, in_order
from coursekit.networks.graph import Step, find_layer, kept, refuse_channels_first, run, steps, traced
from coursekit.networks.shapes import output_shapes
from coursekit.pictures.folders import MOST_NAMED
from coursekit.pictures.streams import Block, Fit, Pictures, as_stream, fitted, read_block
from coursekit.techniques.patches_search import ROW, Found, Search, Store, identity_of
from coursekit.techniques.receptive_field import receptive_field
from coursekit.techniques.strongest import strongest_positions, table_of
from coursekit.validation import as_count, as_index
from coursekit.waiting import progress_bar

SAVE_SECONDS = 10
"""How often a search writes its state."""


@dataclass(frozen=True, eq=False)
class Patches:
    """The k strongest patches of each channel, the strongest first; of equal ones the first picture's.

    Attributes:
        layer: The layer's name.
        channels: (C,) which channels of the layer these are.
        values: (C, k) float32, the activations.
        pictures: (C, k) index of the picture.
        positions: (C, k, 2) row and column in the layer.
        boxes: (C, k, 4) top, left, bottom, right in pixels, half open: the receptive field at that position, clipped
            to the picture in the size at which the network saw it.
        sizes: (C, k, 2) that height and width.
        crops: For each channel a list of k pictures (bottom - top, right - left, 3).
        names: (C, k) the pictures' names, where they have some.
        searched: How many pictures were looked at.
    """

    layer: str
    channels: np.ndarray
    values: np.ndarray
    pictures: np.ndarray
    positions: np.ndarray
    boxes: np.ndarray
    sizes: np.ndarray
    crops: list[list[np.ndarray]]
    names: np.ndarray | None
    searched: int

    def __repr__(self) -> str:
        channels, k = self.values.shape
        return f"Patches: the {k} strongest for {channels} channels of {self.layer} among {self.searched} pictures"


def top_patches(
    model: Any,
    layer: str,
    images: Any,
    k: int = 9,
    *,
    channels: int | Sequence[int] | None = None,
    per_picture: int = 1,
    scan: bool = False,
    longest: int | None = 1024,
    batch_size: int | None = None,
    state: str | os.PathLike | None = None,
    client: Any = None,
) -> Patches:
    """Return for every channel of a layer the k patches, among any number of pictures, that excite it most.

    The pictures stream by: only the patches found so far are kept. Interrupted, it returns what it has found so far.

    Equal activations are ordered by picture, row and column, so the result does not depend on the order in which
    pictures are looked at. The same pictures always share a batch, ``batch_size`` after ``batch_size``, here or on a
    cluster, interrupted or not: so the activations are the same to the bit, on machines of one kind.

    Args:
        model: A Keras model with one input.
        layer: A layer's name; its output is (N, H, W, C), or (N, C), where the patch is all that the layer sees.
        images: An array (N, H, W, C), also one on disk; a list of arrays; what ``folder(path)`` returns; the path of a
            folder; a list of files; a ``tf.data.Dataset``; or anything that yields pictures, batches, paths or tuples
            that begin with one. Values as the model takes them. Files are brought to the model's size.
        k: How many patches.
        channels: Which channels, by default all. For a layer that has many channels and sees much of a picture, all
            crops together are large.
        per_picture: How many of a channel's patches may come from one picture.
        scan: Look at each picture in its own size instead of the model's, so that details keep theirs. The layers up
            to this one must take any size. A picture smaller than what the model takes is enlarged to it. Models that
            take any size do this always.
        longest: Scanned pictures with a longer side, in pixels, are reduced to it, which bounds the memory; None:
            never. Boxes refer to the reduced picture.
        batch_size: Pictures computed at a time; by default 32, or 4 when scanning.
        state: A file to write the search to, every few seconds. If it is there already, the search goes on where it
            stopped; the pictures must come in the same order again.
        client: A ``distributed.Client``: its Dask cluster computes. Paths of files must mean the same there.

    Returns:
        ``Patches``. There are fewer than k if the pictures have no more.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: There is no such layer or channel, the pictures do not fit, the network cannot scan, or ``state``
            holds another search.

    Example:
        >>> from coursekit import photos, squeezenet, top_patches
        >>> best = top_patches(squeezenet(), "relu_conv1", photos()[0], k=2, channels=[13])
        >>> best
        Patches: the 2 strongest for 1 channels of relu_conv1 among 20 pictures
        >>> best.values.shape, best.crops[0][0].shape
        ((1, 2), (3, 3, 3))
    """
    refuse_channels_first(model)
    step = find_layer(model, layer)
    if len(model.inputs) != 1:
        raise ValueError(f"This network takes {len(model.inputs)} inputs; top_patches is for networks with one.")
    if isinstance(step.shape, list) or len(step.shape) not in (1, 3) or step.shape[-1] is None:
        raise ValueError(f"Patches are of layers that give (height, width, channels), not {step.shape} as {layer!r}.")
    size = tuple(model.inputs[0].shape[1:3])
    free = None in size
    if not free:
        receptive_field(model, step.name)  # what cannot be cut shall fail before the search
    if scan and not free:
        _check_scan(model, step)
    scan = scan or free
    search = Search(
        step.name,
        as_count(k, "k"),
        tuple(_as_channels(channels, step.shape[-1])),
        step.shape[-1],
        as_count(per_picture, "per_picture"),
        Fit(
            None if free else size,
            model.inputs[0].shape[-1],
            scan,
            None if longest is None else as_count(longest, "longest"),
        ),
    )
    stream = as_stream(images)
    batch_size = as_count((4 if scan else 32) if batch_size is None else batch_size, "batch_size")
    cutter = Cutter(model, search, stream)
    found, store = Found(np.empty(0, ROW), 0, {}), None
    if state is not None:
        store = Store(Path(os.path.expanduser(state)), identity_of(model, search, stream, batch_size))
        found = store.read() or found
        store.write(found)  # what cannot be written shall fail before the search

    blocks = stream.blocks(batch_size, found.done)
    if client is None:
        answers = _computed_here(model, search, blocks, lambda: found.table)
    else:
        calls = ((search, block, search.to_beat(found.table)) for block in blocks)
        answers = ((block, a) for (_, block, _), a in in_order(as_client(client), model, _computed_there, calls))
    remarks, unread = [], []
    bar = progress_bar(desc=step.name, total=stream.count, initial=found.done, unit="picture")
    try:
        for block, answer in answers:
            table = search.merge([found.table, answer.table])
            found = Found(table, block.first + len(block.items), cutter.keep(found, table, block))  # all at once
            unread += answer.unread
            bar.update(len(block.items))
            if store is not None:
                store.write(found, every=SAVE_SECONDS)
    except KeyboardInterrupt:
        if not len(found.table):
            raise
        of = "" if stream.count is None else f" of {stream.count}"
        remarks.append(f"Interrupted: {found.done}{of} pictures were searched.")
    finally:
        bar.close()
        answers.close()
        if store is not None:
            store.write(found)
    if unread:
        more = f" And {len(unread) - MOST_NAMED} more." * (len(unread) > MOST_NAMED)
        remarks.append(f"{len(unread)} files were left out. {' '.join(unread[:MOST_NAMED])}{more}")
    if not len(found.table):
        raise ValueError(" ".join(["No picture could be searched.", *remarks]))
    if remarks:
        warnings.warn(" ".join(remarks), stacklevel=2)
    return cutter.result(found)


def _as_channels(channels: Any, count: int) -> list[int]:
    if channels is None:
        return list(range(count))
    several = [channels] if np.ndim(channels) == 0 else list(channels)
    if not several:
        raise ValueError("No channel was asked for: give at least one, or None for all channels.")
    return list(dict.fromkeys(as_index(channel, count, "channel") for channel in several))


class _Answer(NamedTuple):
    """What one block of pictures adds."""

    table: np.ndarray
    unread: list[str]


# Computing


def _strongest(model: Any, search: Search) -> Callable[..., tuple]:
    """Return the compiled function of pictures (N, H, W, 3) and ``to_beat`` that gives ``strongest_positions``."""

    def positions(images: Any, to_beat: Any) -> tuple:
        (maps,) = run(steps(model), [images], [search.layer])
        return strongest_positions(maps, to_beat, search.per_picture)

    def make() -> Callable[..., tuple]:
        picture = model.inputs[0]
        shape = (None, None, None, picture.shape[-1]) if search.fit.scan else (None, *picture.shape[1:])
        pictures = tf.TensorSpec(shape, picture.dtype)
        return traced(positions, pictures, tf.TensorSpec((None,), tf.float32))

    return kept(model, ("strongest", search.layer, search.per_picture, search.fit.scan), make)


def _answer(
    forward: Callable,
    search: Search,
    batches: list[tuple[np.ndarray, np.ndarray]],
    unread: list[str],
    to_beat: np.ndarray,
) -> _Answer:
    tables = [np.empty(0, ROW)]
    for indices, pictures in batches:
        height, width = pictures.shape[1:3]
        too_small = ValueError(
            f"The network does not take pictures of {height} x {width} up to layer {search.layer!r}. "
            "Are they too small, or too large for the memory?"
        )
        try:
            pairs, values, rows, columns, finite, empty = (part.numpy() for part in forward(pictures, to_beat))
        except (tf.errors.InvalidArgumentError, tf.errors.ResourceExhaustedError) as error:
            raise too_small from error
        if empty:  # some processors' convolutions give nothing where others raise
            raise too_small
        if not finite:
            raise ValueError(
                f"Layer {search.layer!r} gives NaN, infinity or nothing in pictures {indices[0]} to {indices[-1]}."
            )
        tables.append(table_of((pairs, values, rows, columns), indices, (height, width)))
    return _Answer(np.concatenate(tables), unread)


def _computed_here(
    model: Any, search: Search, blocks: Iterator[Block], table: Callable[[], np.ndarray]
) -> Iterator[tuple[Block, _Answer]]:
    forward = _strongest(model, search)

    def compute(read: Future) -> _Answer:
        return _answer(forward, search, *read.result(), search.to_beat(table()))

    with ThreadPoolExecutor(1) as thread:  # reads the next block while the network computes this one
        waiting: deque = deque()
        for block in blocks:
            waiting.append((block, thread.submit(read_block, block, search.fit)))
            if len(waiting) == 2:
                ready, read = waiting.popleft()
                yield ready, compute(read)
        for ready, read in waiting:
            yield ready, compute(read)


def _computed_there(model: Any, search: Search, block: Block, to_beat: np.ndarray) -> _Answer:
    return _answer(_strongest(model, search), search, *read_block(block, search.fit), to_beat)


def _check_scan(model: Any, step: Step) -> None:
    """Raise if a layer up to this one does not take larger pictures."""
    picture = model.inputs[0]
    name, larger = picture._keras_history.operation.name, (2 * picture.shape[1], 2 * picture.shape[2])
    try:
        shape = output_shapes(model, larger, name, step.name)[step.name]
    except ValueError as error:
        raise ValueError(f"This network cannot scan larger pictures. {error}") from error
    if shape[-1] != step.shape[-1]:
        raise ValueError(f"Layer {step.name!r} cannot scan: in larger pictures it has {shape[-1]} channels.")


# Cutting


class Cutter:
    """Cuts patches out of pictures: at the end, or at once where pictures pass only once."""

    def __init__(self, model: Any, search: Search, stream: Pictures):
        self.search, self.stream = search, stream
        self.all_boxes = functools.cache(lambda size: receptive_field(model, search.layer, size).boxes())

    def boxes(self, table: np.ndarray) -> np.ndarray:
        """Return the boxes (N, 4) of a table's patches."""
        boxes = np.empty((len(table), 4), np.int64)
        sizes = np.stack([table["height"], table["width"]], axis=1)
        for size in np.unique(sizes, axis=0):
            here = (sizes == size).all(axis=1)
            boxes[here] = self.all_boxes(tuple(size.tolist()))[table["row"][here], table["column"][here]]
        return boxes

    def keep(self, found: Found, table: np.ndarray, block: Block) -> dict:
        """Return the crops that a new table needs, cut from a block that will not come again."""
        if self.stream.item is not None or not (table["picture"] >= block.first).any():
            return found.crops
        keys = _keys(table, self.boxes(table))
        fresh = [key for key in keys if key not in found.crops]
        return {**{key: found.crops[key] for key in keys if key in found.crops}, **self.cut(fresh, block)}

    def cut(self, keys: list[tuple], block: Block | None = None) -> dict:
        """Return the crops of these keys, each picture being fetched once, from a block or from where it lies."""
        crops = {}
        by_picture: dict[int, set] = {}
        for index, *box in keys:
            by_picture.setdefault(index, set()).add(tuple(box))
        pictures = progress_bar(by_picture.items(), desc="Cutting", unit="picture")
        for index, boxes in pictures:
            item = self.stream.item(index) if block is None else block.items[index - block.first]
            picture = fitted(item, self.search.fit, index)
            for top, left, bottom, right in boxes:
                crop = picture[top:bottom, left:right]
                # A copy lets the picture go; a crop that is most of it may as well stay a view of it.
                crop = crop.copy() if crop.size < picture.size / 2 else crop.view()
                crop.flags.writeable = False
                crops[index, top, left, bottom, right] = crop
        return crops

    def result(self, found: Found) -> Patches:
        """Return what was found, channel by channel in the order asked for."""
        search, names = self.search, self.stream.names
        count = len(search.channels)
        table = found.table.reshape(count, -1)  # sorted by channel, and each has as many rows
        table = table[np.argsort(np.argsort(search.channels))]
        boxes = self.boxes(table.ravel())
        keys = _keys(table.ravel(), boxes)
        crops = found.crops if self.stream.item is None else self.cut(keys)
        k = table.shape[1]
        return Patches(
            layer=search.layer,
            channels=np.array(search.channels),
            values=table["value"].copy(),
            pictures=table["picture"].copy(),
            positions=np.stack([table["row"], table["column"]], axis=-1).astype(np.int64),
            boxes=boxes.reshape(count, k, 4),
            sizes=np.stack([table["height"], table["width"]], axis=-1).astype(np.int64),
            crops=[[crops[key] for key in keys[i * k : (i + 1) * k]] for i in range(count)],
            names=None if names is None else np.array(names, object)[table["picture"]],
            searched=found.done,
        )


def _keys(table: np.ndarray, boxes: np.ndarray) -> list[tuple]:
    """Return (picture, top, left, bottom, right) for each row: channels that agree share a crop."""
    return [tuple(key) for key in np.column_stack([table["picture"], boxes]).tolist()]
