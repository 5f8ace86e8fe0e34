"""Pictures from wherever they are, a block after the other, so that any number of them fits into memory."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from coursekit.pictures.fitting import luminance
from coursekit.pictures.folders import _files
from coursekit.pictures.reading import read_picture
from coursekit.pictures.resizing import resize
from coursekit.validation import as_pictures


class Block(NamedTuple):
    """Pictures that are computed together.

    Attributes:
        first: Index of the first one among all pictures.
        items: An array (N, H, W, C), or a list of arrays (H, W, C) and paths of files.
    """

    first: int
    items: Any


@dataclass(frozen=True)
class Pictures:
    """Pictures that are read when they are needed.

    Attributes:
        blocks: ``blocks(size, start)`` gives ``Block`` after ``Block`` of ``size`` pictures, from picture ``start`` on.
        first: The first item, an array or a path.
        count: How many pictures there are; None if only the end of the stream will tell.
        names: What each is called, for files.
        item: ``item(index)`` gives one array or path again; None for a stream, which passes once.
    """

    blocks: Callable[[int, int], Iterator[Block]]
    first: Any
    count: int | None = None
    names: Sequence[str] | None = None
    item: Callable[[int], Any] | None = None


def as_stream(images: Any) -> Pictures:
    """Return pictures to be read block by block.

    Args:
        images: An array (H, W, C) or (N, H, W, C), also one that lies on disk, such as ``numpy.memmap``; a list of
            arrays, also of different sizes; what ``folder(path)`` returns; a tuple (pictures, labels); the path of a
            folder or of a picture; a list of paths; a ``tf.data.Dataset``; or anything that yields pictures, batches of
            them, paths, or such with labels, (pictures, labels) or [pictures, labels]. One that has a length, as
            Keras' data generators, is read once through, though it begins anew by itself.

    Raises:
        FileNotFoundError: There is no such file or folder.
        TypeError: It is none of these.
        ValueError: There is no picture, or no end to them.
    """
    if isinstance(images, (str, os.PathLike)):
        path = Path(os.path.expanduser(images))
        found = {path.name: path} if path.is_file() else _files(path)
        return _in_sequence(list(found.values()), list(found))
    if hasattr(images, "shape") and hasattr(images, "__getitem__"):
        return _in_array(images)
    if _are_with_labels(images):
        labels = len(images[1]) if np.ndim(images[1]) else "no"
        if len(images[0]) != labels:
            raise ValueError(f"There are {len(images[0])} pictures but {labels} names or labels.")
        return _in_array(images[0], list(images[1]) if _are_paths(images[1]) else None)
    if isinstance(images, (list, tuple)) and len(images):
        if _are_paths(images):
            return _in_sequence(list(images), [os.fspath(path) for path in images])
        if np.ndim(images[0]) == 3:
            return _in_sequence(images)
    if isinstance(images, Iterable) and not isinstance(images, (bytes, dict)):
        return _passing(images)
    raise TypeError(
        f"images must be arrays of pictures, a folder, a list of files or something that yields pictures, "
        f"not {type(images).__name__}."
    )


def _are_with_labels(images: Any) -> bool:
    """Say whether these are (pictures, names), (pictures, labels) or [pictures, labels], no list of two batches."""
    if not isinstance(images, (list, tuple)) or len(images) != 2 or np.ndim(images[0]) != 4:
        return False
    return isinstance(images, tuple) or np.ndim(images[1]) != 4


def _are_paths(values: Any) -> bool:
    return isinstance(values, (list, tuple)) and all(isinstance(value, (str, os.PathLike)) for value in values)


def _in_array(images: Any, names: list[str] | None = None) -> Pictures:
    shape = tuple(images.shape)
    if len(shape) not in (3, 4):
        raise ValueError(
            f"images must have shape (height, width, channels) or (number, height, width, channels), not {shape}."
        )
    if 0 in shape:
        raise ValueError(f"images is empty: its shape is {shape}.")
    if len(shape) == 3:
        images = np.asarray(images)[np.newaxis]
    return Pictures(
        lambda size, start: (Block(i, np.asarray(images[i : i + size])) for i in range(start, len(images), size)),
        images[0],
        len(images),
        names,
        images.__getitem__,
    )


def _in_sequence(items: Sequence, names: list[str] | None = None) -> Pictures:
    return Pictures(
        lambda size, start: (Block(i, items[i : i + size]) for i in range(start, len(items), size)),
        items[0],
        len(items),
        names,
        items.__getitem__,
    )


def _passing(images: Iterable) -> Pictures:
    if hasattr(images, "as_numpy_iterator"):  # a tf.data.Dataset
        if bool(images.cardinality() == -1):  # tf.data.INFINITE_CARDINALITY
            raise ValueError("This dataset repeats its pictures without end. Leave out repeat(), or add take(number).")
        images = images.as_numpy_iterator()
    elif hasattr(images, "__len__"):
        images = _once(images)
    items = itertools.chain.from_iterable(map(_items, images))
    first = next(items, None)
    if first is None:
        raise ValueError("There is no picture: the stream ended before the first one.")

    def blocks(size: int, start: int) -> Iterator[Block]:
        rest = itertools.islice(itertools.chain([first], items), start, None)
        while block := list(itertools.islice(rest, size)):
            yield Block(start, block)
            start += len(block)

    return Pictures(blocks, first)


def _once(images: Any) -> Iterator:
    """Yield what something with a length holds, once: Keras' data generators begin anew for ever."""
    if hasattr(images, "__getitem__"):
        return (images[i] for i in range(len(images)))
    return itertools.islice(images, len(images))


def _items(element: Any) -> Iterable:
    """Return the pictures or paths in one thing that a stream yields."""
    if isinstance(element, tuple) and element:
        element = element[0]
    if isinstance(element, list) and element:  # [pictures, labels], if it is no list of pictures
        axes = {np.ndim(part) for part in element}
        if axes != {3} and np.ndim(element[0]) in (3, 4):
            element = element[0]
    if isinstance(element, (str, os.PathLike)):
        return [element]
    array = np.asarray(element)
    if array.ndim not in (3, 4):
        raise ValueError(
            "A stream must yield pictures (height, width, channels), batches of them or paths, "
            f"not {type(element).__name__} of shape {array.shape}."
        )
    return array if array.ndim == 4 else array[np.newaxis]


@dataclass(frozen=True)
class Fit:
    """How pictures are brought to the size at which a network sees them.

    Attributes:
        size: (height, width) that the network takes; None if it takes any.
        channels: How many channels it takes.
        scan: Leave pictures in their own size, as far as it is at least ``size`` and at most ``longest``.
        longest: Longest side of a picture that keeps its own size; None if there is no limit.
    """

    size: tuple[int, int] | None
    channels: int
    scan: bool
    longest: int | None

    def target(self, shape: tuple[int, int, int], index: int) -> tuple[int, int]:
        """Return the (height, width) at which an array (H, W, C) is to be seen.

        Args:
            shape: Of the array.
            index: Its place among all pictures, for the error.

        Raises:
            ValueError: It is not the size that the network takes, an array being never squeezed unasked; or it has
                another number of channels.
        """
        *sides, channels = shape
        if channels != self.channels:
            raise ValueError(f"Picture {index} has {channels} channels, but this network takes {self.channels}.")
        if not self.scan:
            if tuple(sides) != self.size:
                height, width = self.size
                raise ValueError(
                    f"Picture {index} is {sides[0]} x {sides[1]}, but this network takes {height} x {width}. "
                    f"resize(image, {height if height == width else self.size}) mends it; scan=True takes it as it is."
                )
            return self.size
        factor = min(1.0, (self.longest or max(sides)) / max(sides))
        if self.size is not None and any(factor * side < least for side, least in zip(sides, self.size, strict=True)):
            factor = max(least / side for side, least in zip(sides, self.size, strict=True))
        return round(factor * sides[0]), round(factor * sides[1])


def fitted(item: Any, fit: Fit, index: int) -> np.ndarray:
    """Return a picture, an array (H, W, C) or a file, as it is to be seen: in size, and a file in grey if asked for."""
    from_file = isinstance(item, (str, os.PathLike))
    picture = read_picture(item) if from_file else np.asarray(item)
    if from_file and fit.channels == 1:
        picture = np.rint(luminance(picture)).astype(np.uint8)
    if from_file and not fit.scan:
        picture = resize(picture, fit.size)
    target = fit.target(picture.shape, index)
    return picture if target == picture.shape[:2] else resize(picture, target)


def read_block(block: Block, fit: Fit) -> tuple[list[tuple[np.ndarray, np.ndarray]], list[str]]:
    """Return the pictures of a block as batches, one for each size that occurs.

    Args:
        block: Some pictures.
        fit: How they are brought to size.

    Returns:
        Pairs of the pictures' indices (N,) and the pictures (N, H, W, C), and why files could not be read.

    Raises:
        TypeError, ValueError: A picture that is no file holds no finite numbers, or does not fit.
    """
    if isinstance(block.items, np.ndarray):
        shape = block.items.shape[1:]
        if fit.target(shape, block.first) == shape[:2]:  # no copy
            return [(np.arange(block.first, block.first + len(block.items)), as_pictures(block.items)[0])], []
    alike: dict[tuple, list] = {}
    unread = []
    for index, item in enumerate(block.items, block.first):
        try:
            picture = fitted(item, fit, index)
        except (ValueError, OSError) as error:
            if not isinstance(item, (str, os.PathLike)):
                raise
            unread.append(str(error))
        else:
            alike.setdefault((picture.shape, picture.dtype), []).append((index, picture))
    batches = []
    for group in alike.values():
        indices, pictures = zip(*group, strict=True)
        batches.append((np.array(indices), as_pictures(np.stack(pictures))[0]))
    return batches, unread
