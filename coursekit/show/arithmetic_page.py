"""How one number of a network is computed, as plain data for a page that draws it."""

from __future__ import annotations

import numpy as np

from coursekit.show.encoding import finite
from coursekit.techniques.arithmetic import Arithmetic

_SIDE = 7  # cells of a window that are told: more would be too small to read


def arithmetic_data(found: Arithmetic, most: int = 6) -> dict:
    """Return what a page needs of an ``Arithmetic``, without NaN and infinity, which JSON does not have.

    Args:
        found: What ``arithmetic`` gives.
        most: Terms that are told one by one; the others are summed up.
    """
    rest = [term.product for term in found.terms[most:]]
    together = float(np.prod(rest) if found.multiplied else np.sum(rest)) if rest else 0.0
    terms = [[t.layer, list(t.place), *map(finite, (t.value, t.weight, t.product))] for t in found.terms[:most]]
    return {
        **{"layer": found.layer, "kind": found.kind, "place": list(found.place), "says": found.says},
        **{"terms": terms, "others": len(rest), "together": finite(together), "bias": finite(found.bias)},
        **{"before": finite(found.before), "value": finite(found.value), "activation": found.activation},
        "window": _window(found),
    }


def _window(found: Arithmetic) -> dict | None:
    """Return the numbers under the kernel in the channel that adds most, and the kernel's: rows of them."""
    window = found.window
    if window is None or found.largest is None or max(window.padding.shape) > _SIDE:
        return None
    channel = found.largest.place[-1]
    at = window.channels.tolist().index(channel)
    patch, kernel = ([[finite(n) for n in row] for row in part[..., at]] for part in (window.patch, window.kernel))
    told = {"layer": found.largest.layer, "channel": channel, "patch": patch, "kernel": kernel}
    return {**told, "padding": window.padding.tolist(), "weighted": "pooling" not in found.kind}
