"""What widgets share that draw by gradient ascent: the settings, the size, the steps."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from numbers import Integral, Real
from typing import Any

import numpy as np

from coursekit.networks.graph import find_layer
from coursekit.pictures.fitting import shrink
from coursekit.techniques.gradient_ascent import Stage, ascend, maximize
from coursekit.techniques.objectives import Objective
from coursekit.techniques.parametrizations import PARAMETRIZATIONS
from coursekit.validation import nearest

_NAMES = ("image", "start", "seed", "l2", "total_variation", "blur", "shift", "scale", "rotate")
DEFAULTS = {name: inspect.signature(maximize).parameters[name].default for name in _NAMES}
_WORDS = {"image": tuple(PARAMETRIZATIONS), "start": ("noise", "grey", "black")}
_MOST = {"scale": 1, "rotate": 180}
_SIDE = 128  # of the pictures for a channel: quick enough on two cores to watch them grow


def all_settings(given: Any) -> dict:
    """Return settings with ``maximize``'s defaults for what is not named.

    Raises:
        TypeError: They are no dict, or one is of the wrong type.
        ValueError: There is no such setting, or one is out of its range.
    """
    if not isinstance(given, dict):
        raise TypeError(f"Settings are a dict such as {{'l2': 20}}, not {type(given).__name__}.")
    for name in given:
        if name not in DEFAULTS:
            raise ValueError(f"There is no setting {name!r}. {nearest(name, DEFAULTS)}")
    settings = {**DEFAULTS, **given}
    for name, value in settings.items():
        if name not in _WORDS:
            settings[name] = as_number(value, name, name in ("shift", "seed"), most=_MOST.get(name, np.inf))
        elif not isinstance(value, str) or value not in _WORDS[name]:
            raise ValueError(f"{name} must be one of {', '.join(map(repr, _WORDS[name]))}, not {value!r}.")
    return settings


def as_number(value: Any, name: str, whole: bool = False, least: float = 0, most: float = np.inf) -> Any:
    """Return a number as Python's own, if it is one and in its range.

    Raises:
        TypeError: It is no number, or no whole one.
        ValueError: It is out of its range.
    """
    said = f"{name} must be a {'whole number' if whole else 'number'}, {least:g} or more"
    said += "" if most == np.inf else f" and at most {most:g}"
    if isinstance(value, bool) or not isinstance(value, Integral if whole else Real):
        raise TypeError(f"{said}, not {value!r}.")
    if not (np.isfinite(value) and least <= value <= most):
        raise ValueError(f"{said}, not {value!r}.")
    return value.item() if isinstance(value, np.generic) else value


def drawing_size(model: Any, layer: str) -> tuple[int, int] | None:
    """Return the size in which a layer is drawn quickly; None where it must be, or is small as, the network's own."""
    size = model.inputs[0].shape[1:3]
    small = shrink(size, _SIDE)
    return None if small == size or len(find_layer(model, layer).shape) != 3 else small


def ascent(objective: Objective, steps: int, size: Any, settings: dict = DEFAULTS) -> Iterator[Stage]:
    """Take gradient ascent step by step from one start, and yield how far it has come."""
    rest = {name: value for name, value in settings.items() if name not in ("start", "seed")}
    seed = settings["seed"]
    how = {"size": size, "learning_rate": None, "view_seed": seed, **rest}
    return ascend([objective], steps, start=[settings["start"]], seed=[seed], **how)
