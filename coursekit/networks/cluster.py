"""The same network on every worker of a Dask cluster."""

from __future__ import annotations

import functools
import hashlib
import tempfile
import threading
import zipfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coursekit import distribution
from coursekit.networks.backend import keras
from coursekit.networks.graph import steps


def as_client(client: Any) -> Any:
    """Return ``client`` if it is one of Dask's.

    Raises:
        ImportError: Dask is not installed.
        TypeError: It is none, or one for asynchronous programs.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise ImportError(f"Dask is missing. Install it with: {distribution.install('cluster')}") from error
    if not isinstance(client, Client):
        raise TypeError(f"client must be a distributed.Client, not {type(client).__name__}.")
    if client.asynchronous:
        raise TypeError("client must be an ordinary distributed.Client, not one made with asynchronous=True.")
    return client


def in_order(client: Any, model: Any, function: Callable, calls: Iterable[tuple]) -> Iterator[tuple[tuple, Any]]:
    """Yield each call's arguments and its result, in order, while the cluster computes some calls ahead.

    Args:
        client: A ``distributed.Client``.
        model: A Keras model. It travels once, as its configuration and weights, and is built once in each process.
        function: Is called as ``function(model, *arguments)``.
        calls: The arguments of each call, fetched when there is room for it.

    Raises:
        ValueError: The model cannot be built there.
    """
    packed = client.scatter(_packed(model), broadcast=True)
    waiting: deque = deque()

    def next_result() -> tuple[tuple, Any]:
        arguments, future = waiting.popleft()
        return arguments, future.result()

    try:
        for arguments in calls:
            # The arguments are not scattered: so they are still there if the worker that has the task is lost.
            waiting.append((arguments, client.submit(_call, packed, function, *arguments, pure=False)))
            while len(waiting) > 2 * max(1, sum(client.nthreads().values())):
                yield next_result()
        while waiting:
            yield next_result()
    finally:
        client.cancel([future for _, future in waiting])


@dataclass(frozen=True)
class _Packed:
    """A network on its way; the same network has the same digest.

    Attributes:
        digest: Of what it is and of its weights.
        content: A .keras file.
        own: The classes of its layers that Keras does not know by itself.
    """

    digest: str
    content: bytes = field(compare=False, repr=False)
    own: tuple[type, ...] = field(compare=False)


def _packed(model: Any) -> _Packed:
    classes = {type(step.operation) for step in steps(model)}
    own = sorted((cls for cls in classes if not cls.__module__.startswith("keras.")), key=lambda cls: cls.__name__)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        try:
            model.save(path)
        except Exception as error:  # whatever Keras raises at what it cannot describe
            raise _not_built(error) from error
        with zipfile.ZipFile(path) as archive:  # the rest of it says when it was written
            parts = [archive.read(name) for name in ("config.json", "model.weights.h5")]
        return _Packed(hashlib.sha256(b"".join(parts)).hexdigest(), path.read_bytes(), tuple(own))


@functools.lru_cache(maxsize=2)
def _unpacked(packed: _Packed) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        path.write_bytes(packed.content)
        own = {cls.__name__: cls for cls in packed.own}
        try:
            # Not in safe mode: the client that sends this may run any code here anyway.
            return keras.saving.load_model(path, own, compile=False, safe_mode=False)
        except Exception as error:  # whatever Keras raises at what it cannot build
            raise _not_built(error) from error


def _not_built(error: Exception) -> ValueError:
    return ValueError(
        f"The network cannot be built again on the cluster ({type(error).__name__}). Layers of your own need a "
        "get_config; functions of your own, as in with_preprocessing, cannot travel: prepare the pictures instead."
    )


_unpacking = threading.Lock()


def _call(packed: _Packed, function: Callable, *arguments: Any) -> Any:
    with _unpacking:  # by one of the worker's threads, for all of them
        model = _unpacked(packed)
    return function(model, *arguments)
