"""What a search for patches looks for and has found, and the file that keeps it."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from coursekit.files import writing
from coursekit.pictures.streams import Fit, Pictures

# A table has one row for each patch: where a channel is how strong, in a picture of what height and width.
COLUMNS = [("channel", "i4"), ("value", "f4"), ("picture", "i8")]
ROW = np.dtype([*COLUMNS, ("row", "i4"), ("column", "i4"), ("height", "i4"), ("width", "i4")])


@dataclass(frozen=True)
class Search:
    """What is searched for. It travels to the workers of a cluster."""

    layer: str
    k: int
    channels: tuple[int, ...]
    all_channels: int
    per_picture: int
    fit: Fit

    def merge(self, tables: Sequence[np.ndarray]) -> np.ndarray:
        """Return the k best rows of each channel in any number of tables, whatever their order."""
        table = np.concatenate(tables)
        order = np.lexsort((table["column"], table["row"], table["picture"], -table["value"], table["channel"]))
        channel = table["channel"][order]
        place = np.arange(len(table)) - np.searchsorted(channel, channel)  # among those of the same channel
        return table[order[place < self.k]]

    def to_beat(self, table: np.ndarray) -> np.ndarray:
        """Return what a later picture's activation must exceed to get into the table, for each channel (C,)."""
        least = np.full(self.all_channels, np.inf, np.float32)
        least[list(self.channels)] = -np.inf
        counts = np.bincount(table["channel"], minlength=self.all_channels)
        full = counts >= self.k
        least[full] = table["value"][np.cumsum(counts)[full] - 1]
        return least


class Found(NamedTuple):
    """What has been found so far: a new one for each block, so that an interrupt never meets a half of it."""

    table: np.ndarray
    done: int  # so many pictures, the first ones
    crops: dict  # (picture, top, left, bottom, right) -> pixels, for pictures that pass only once


def identity_of(model: Any, search: Search, stream: Pictures, batch_size: int) -> dict:
    """Return what must be the same for a search to go on."""
    weights = hashlib.sha256()
    for weight in model.weights:
        weights.update(np.ascontiguousarray(weight.numpy()).tobytes())
    first = stream.first if isinstance(stream.first, (str, os.PathLike)) else np.asarray(stream.first)
    shown = repr(stream.names) if stream.names else repr(first.shape) + hashlib.sha256(first.tobytes()).hexdigest()
    fit = search.fit
    return {
        "layer": search.layer,
        "k": search.k,
        "channels": list(search.channels),
        "per_picture": search.per_picture,
        "size": list(fit.size or []),
        "scan": fit.scan,
        "longest": fit.longest,
        "batch_size": batch_size,
        "number of pictures": stream.count,
        "pictures": hashlib.sha256(shown.encode()).hexdigest(),
        "network": weights.hexdigest(),
    }


class Store:
    """The file in which a search is kept, so that it survives whatever ends the process."""

    def __init__(self, path: Path, identity: dict):
        self.path, self.identity, self.written = path, identity, -np.inf
        if not path.absolute().parent.is_dir():
            raise FileNotFoundError(f"There is no folder {path.absolute().parent} for the state of the search.")

    def read(self) -> Found | None:
        """Return what an earlier search has found; None if there is no file yet.

        Raises:
            ValueError: The file is something else, or of a search for something else.
        """
        if not self.path.exists():
            return None
        try:
            with np.load(self.path, allow_pickle=False) as stored:
                identity = json.loads(str(stored["search"]))
                keys = [tuple(key) for key in stored["crops"].tolist()]
                crops = {key: stored[f"crop {i}"] for i, key in enumerate(keys)}
                found = Found(stored["table"], int(stored["done"]), crops)
        except Exception as error:  # what a file of another kind makes NumPy raise has many types
            raise ValueError(f"{self.path} is not the state of a search, or damaged. Name another file.") from error
        differing = [name for name, value in self.identity.items() if identity.get(name) != value]
        if differing:
            raise ValueError(
                f"{self.path} holds a search that differs in: {', '.join(differing)}. Delete it or name another file."
            )
        return found

    def write(self, found: Found, every: float = 0) -> None:
        """Write the file whole or not at all; with ``every``, only if the last time is so many seconds ago."""
        if time.monotonic() - self.written < every:
            return
        with writing(self.path) as file:
            np.savez(
                file,
                search=json.dumps(self.identity),
                table=found.table,
                done=found.done,
                crops=np.array(list(found.crops), np.int64).reshape(-1, 5),
                **{f"crop {i}": crop for i, crop in enumerate(found.crops.values())},
            )
        self.written = time.monotonic()
