"""The same network on every worker of a Dask cluster."""

from __future__ import annotations

import functools
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from coursekit.networks.backend import keras


def as_client(client: Any) -> Any:
    """Return ``client`` if it is one of Dask's.

    Raises:
        ImportError: Dask is not installed.
        TypeError: It is none, or one for asynchronous programs.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise ImportError("Dask is missing. Install it with: pip install 'coursekit[cluster]'.") from error
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


def _packed(model: Any) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        model.save(path)
        return path.read_bytes()


_unpacking = threading.Lock()


@functools.lru_cache(maxsize=2)
def _unpacked(packed: bytes) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        path.write_bytes(packed)
        try:
            # Not in safe mode: the client that sends this may run any code here anyway.
            return keras.saving.load_model(path, compile=False, safe_mode=False)
        except Exception as error:  # whatever Keras raises at a class that it does not know
            raise ValueError(
                f"The network cannot be built again on the cluster ({type(error).__name__}). Classes and functions "
                "of your own must be registered with Keras, in a module that the workers import."
            ) from error


def _call(packed: bytes, function: Callable, *arguments: Any) -> Any:
    with _unpacking:  # by one of the worker's threads, for all of them
        model = _unpacked(packed)
    return function(model, *arguments)
