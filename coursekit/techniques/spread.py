"""How far an objective's values lie apart over pictures: a unit to count in."""

from __future__ import annotations

from typing import Any

import numpy as np

from coursekit.techniques.objectives import Objective


def spread(objective: Objective, images: Any) -> tuple[float, float]:
    """Return the standard deviation of an objective over pictures, and the largest of its values counted in it.

    Pictures for which the objective is no finite number do not count.

    Args:
        objective: ``channel(model, layer, index)``, for example.
        images: (N, H, W, C), values 0-255.

    Returns:
        The standard deviation rounded to three digits, 1 where no two values differ; the largest value in this unit.
    """
    values = objective(images)
    values = values[np.isfinite(values)]
    if not len(values):
        return 1.0, 0.0
    unit = float(f"{values.std():.3g}") or 1.0
    return unit, float(values.max() / unit)
