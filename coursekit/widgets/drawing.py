"""What widgets share that draw by gradient ascent: the settings, the size, the steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from coursekit.networks.graph import find_layer
from coursekit.pictures.fitting import shrink
from coursekit.techniques.objectives import Objective, linear_aim
from coursekit.techniques.optimization import STARTS, Ascent, Stage, ascend
from coursekit.validation import as_count, nearest

_FOR_EACH = {"start": "noise", "seed": 0}  # settings of one picture, beside those of the ascent
DEFAULTS = {**asdict(Ascent()), **_FOR_EACH}
del DEFAULTS["learning_rate"]  # not in the page
_SIDE = 128  # of the pictures for a channel: quick enough on two cores to watch them grow


def all_settings(given: Any) -> dict:
    """Return settings with ``maximize``'s defaults for what is not named.

    Raises:
        TypeError: They are no dict, or one is of the wrong type.
        ValueError: There is no such setting, or one is out of its range.
    """
    if not isinstance(given, dict):
        raise TypeError(f"Settings are a dict such as {{'l2': 20}}, not {type(given).__name__}.")
    given = {"parametrization" if name == "image" else name: value for name, value in given.items()}  # its former name
    for name in given:
        if name not in DEFAULTS:
            raise ValueError(f"There is no setting {name!r}. {nearest(name, DEFAULTS)}")
    settings = {**DEFAULTS, **given}
    _ascent(settings)  # checks
    as_count(settings["seed"], "seed", 0)
    if not isinstance(settings["start"], str) or settings["start"] not in STARTS:
        raise ValueError(f"start must be one of {', '.join(map(repr, STARTS))}, not {settings['start']!r}.")
    return {name: value.item() if isinstance(value, np.generic) else value for name, value in settings.items()}


def _ascent(settings: dict) -> Ascent:
    return Ascent(**{name: value for name, value in settings.items() if name not in _FOR_EACH})


def drawing_size(model: Any, layer: str) -> tuple[int, int] | None:
    """Return the size in which a layer is drawn quickly; None where it must be, or is small as, the network's own."""
    size = model.inputs[0].shape[1:3]
    small = shrink(size, _SIDE)
    return None if small == size or len(find_layer(model, layer).shape) != 3 else small


def stages(objective: Objective, steps: int, size: Any, settings: dict = DEFAULTS) -> Iterator[Stage]:
    """Take gradient ascent step by step from one start, and yield how far it has come."""
    start, seed = settings["start"], settings["seed"]
    aim = linear_aim([objective])
    return ascend(aim, _ascent(settings), steps, size=size, start=[start], seed=[seed], view_seed=seed)
