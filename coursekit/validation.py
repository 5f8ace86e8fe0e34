"""Checks of what comes in, shared by every floor: errors that say what came, what was expected and what is near."""

from __future__ import annotations

import difflib
import functools
import operator
import warnings
from collections.abc import Callable, Iterable
from numbers import Real
from typing import Any

import numpy as np


def nearest(name: object, valid: Iterable[str], most: int = 3) -> str:
    """Return a sentence that names the valid names most like ``name``, or lists the first few.

    Args:
        name: What was asked for.
        valid: The names that exist.
        most: How many to name.
    """
    valid = list(valid)
    if not valid:
        return "There is none."
    folded = {v.lower(): v for v in valid}
    close = difflib.get_close_matches(str(name).lower(), folded, n=most, cutoff=0.5)
    if close:
        return "Did you mean " + " or ".join(repr(folded[c]) for c in close) + "?"
    some = ", ".join(repr(v) for v in valid[:most])
    if len(valid) > most:
        return f"There are {len(valid)}, for example {some}."
    return f"There {'is' if len(valid) == 1 else 'are'} {some}."


def renamed(**names: str) -> Callable[[Callable], Callable]:
    """Return a decorator by which a function takes keywords by their former names too, and says the new one.

    Args:
        **names: former name="new name".
    """

    def decorate(function: Callable) -> Callable:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            for former in names.keys() & kwargs.keys():
                text = f"{function.__name__}({former}=...) is written {names[former]}= now."
                warnings.warn(text, DeprecationWarning, stacklevel=2)
                kwargs[names[former]] = kwargs.pop(former)
            return function(*args, **kwargs)

        return call

    return decorate


def as_index(value: object, count: int, what: str) -> int:
    """Return ``value`` as an index from 0 to ``count - 1``.

    Raises:
        TypeError: ``value`` is no whole number.
        ValueError: ``value`` is outside the range.
    """
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        index = operator.index(value)
    except TypeError:
        raise TypeError(f"{what} must be a whole number from 0 to {count - 1}, not {value!r}.") from None
    if not 0 <= index < count:
        raise ValueError(f"There is no {what} {index}: there are {count}, counted from 0 to {count - 1}.")
    return index


def as_count(value: object, name: str, least: int = 1, most: int | None = None, of: str = "") -> int:
    """Return ``value`` as a whole number from ``least`` to ``most``.

    Args:
        value: What came.
        name: The argument's name, for the error.
        least: The smallest that is taken.
        most: The largest; None for no limit.
        of: What there are ``most`` of, for the error.

    Raises:
        TypeError: ``value`` is no whole number.
        ValueError: It is out of range.
    """
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        count = operator.index(value)
    except TypeError:
        span = f", {least} or more" if most is None else f" from {least} to {most}"
        raise TypeError(f"{name} must be a whole number{span}, not {value!r}.") from None
    if most is not None and not least <= count <= most:
        why = f": there are {most} {of}" if of else ""
        raise ValueError(f"{name} must be from {least} to {most}, not {count}{why}.")
    if count < least:
        raise ValueError(f"{name} must be at least {least}, not {count}.")
    return count


def as_number(value: Any, name: str, least: float = 0, most: float = np.inf) -> float:
    """Return ``value`` if it is a finite number from ``least`` to ``most``, as Python's own.

    Raises:
        TypeError: ``value`` is no real number.
        ValueError: It is NaN, infinite, or outside the range.
    """
    expected = f"{name} must be a number, {least:g} or more" + ("" if most == np.inf else f" and at most {most:g}")
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        raise TypeError(f"{expected}, not {value!r}.")
    if not (np.isfinite(value) and least <= value <= most):
        raise ValueError(f"{expected}, not {value!r}.")
    return value.item() if isinstance(value, np.generic) else value


def as_pictures(images: object, name: str = "images", values: str = "numbers from 0 to 255") -> tuple[np.ndarray, bool]:
    """Return pictures as one batch.

    Args:
        images: (H, W, C), (N, H, W, C), or a list of (H, W, C) of one size; values 0-255.
        name: The argument's name, for the error.
        values: What it must hold, for the error.

    Returns:
        The batch (N, H, W, C), in the type it came in (uint8 or float32), and whether it came in alone.

    Raises:
        TypeError: It is no array of numbers.
        ValueError: It is empty, has the wrong number of dimensions, or holds NaN or infinity.
    """
    if isinstance(images, (str, bytes)):
        raise TypeError(f"{name} must be an array, not {type(images).__name__}; photo({images!r}) reads a picture.")
    try:
        batch = np.asarray(images)
    except ValueError:
        try:
            came = f", but came as {sorted({np.shape(image) for image in images})}"
        except ValueError:  # uneven further in
            came = ""
        raise ValueError(f"{name} must all have one size{came}; resize(image, size) mends it.") from None
    if batch.dtype == object or not (np.issubdtype(batch.dtype, np.number) or batch.dtype == bool):
        raise TypeError(f"{name} must hold {values}, not {batch.dtype}.")
    if np.issubdtype(batch.dtype, np.complexfloating):
        raise TypeError(f"{name} must hold real {values}, not {batch.dtype}.")
    if batch.ndim not in (3, 4):
        raise ValueError(
            f"{name} must have shape (height, width, channels) or (number, height, width, channels), not {batch.shape}."
        )
    alone = batch.ndim == 3
    batch = batch[np.newaxis] if alone else batch
    if batch.size == 0:
        raise ValueError(f"{name} is empty: its shape is {np.shape(images)}.")
    if batch.dtype != np.uint8:
        with np.errstate(over="ignore"):  # too large for float32: infinity, which is refused here
            batch = batch.astype(np.float32, copy=False)
        if not np.isfinite(batch).all():
            raise ValueError(f"{name} holds NaN or infinity, but must hold {values} only.")
    return batch, alone


def refuse_stack(pictures: object, name: str) -> None:
    """Refuse grey pictures without an axis for their channel, (N, 28, 28), where (H, W, C) takes any number of them.

    Raises:
        ValueError: ``pictures`` has shape (N, S, S) with another N and more channels than a picture has.
    """
    if isinstance(pictures, (list, tuple)):
        shape = (len(pictures), *np.shape(pictures[0])) if len(pictures) else ()
    else:
        shape = np.shape(pictures)
    if len(shape) == 3 and shape[0] != shape[1] == shape[2] > 4:
        raise ValueError(
            f"{name} has shape {shape}: are these {shape[0]} grey pictures? Then write {name}[..., np.newaxis]. "
            f"If it is one picture or map with {shape[2]} channels, write {name}[np.newaxis]."
        )


def as_maps(activation: object) -> tuple[np.ndarray, bool]:
    """Return activations as one batch.

    Args:
        activation: (H, W, C) or (N, H, W, C).

    Returns:
        The batch (N, H, W, C), and whether a single picture's came in.

    Raises:
        TypeError: It is no array of numbers.
        ValueError: It is empty, has the wrong number of dimensions, or holds NaN or infinity.
    """
    return as_pictures(activation, "activation", values="numbers")
