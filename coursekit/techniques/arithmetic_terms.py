"""What one number of a network is made of: terms, a bias, and the window that they were read in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from coursekit.networks.backend import keras


@dataclass(frozen=True)
class Term:
    """One number of a layer before, and what it adds.

    Attributes:
        layer: The layer that it comes from.
        place: Where it stands there: (row, column, channel), or (channel,) in a vector.
        value: The number itself.
        weight: What it is multiplied with.
        product: What the term adds: value times weight. A convolution has one term for each input channel, which adds
            the sum over the kernel's window; ``place``, ``value`` and ``weight`` are then those of the largest product
            in the window. Where numbers are multiplied with each other, the factor that it is.
    """

    layer: str
    place: tuple[int, ...]
    value: float
    weight: float
    product: float


@dataclass(frozen=True, eq=False)
class Window:
    """What a kernel or a pooling lies on.

    Attributes:
        rows: (kh,) rows of the layer before; outside of its map where there is padding.
        columns: (kw,) columns, likewise.
        channels: (C,) the channels that are read there.
        patch: (kh, kw, C) the numbers there, 0 for padding.
        kernel: (kh, kw, C) what they are multiplied with.
        padding: (kh, kw) whether the place is padding.
    """

    rows: np.ndarray
    columns: np.ndarray
    channels: np.ndarray
    patch: np.ndarray
    kernel: np.ndarray
    padding: np.ndarray


@dataclass(frozen=True, eq=False)
class Parts:
    """What a number is made of, before the activation: the terms and the bias added up, or the terms multiplied."""

    kind: str
    terms: Sequence[Term]
    bias: float = 0.0
    multiplied: bool = False
    window: Window | None = None
    details: dict[str, float] = field(default_factory=dict)

    @property
    def before(self) -> float:
        """What the terms give together."""
        products = np.array([term.product for term in self.terms], np.float64)
        return float(products.prod() if self.multiplied else products.sum() + self.bias)


@dataclass(frozen=True, eq=False)
class Source:
    """What comes into a layer: the name of the layer that it comes from, and its numbers, without the batch."""

    layer: str
    values: np.ndarray

    def term(self, place: Sequence[int], weight: float = 1.0) -> Term:
        """Return the number at a place as a term."""
        place, weight = tuple(map(int, place)), float(weight)
        value = float(self.values[place])
        return Term(self.layer, place, value, weight, value * weight if weight else 0.0)  # also of an infinite one

    def below(self, place: Sequence[int]) -> tuple[int, ...]:
        """Return the place that is laid on another one, where a side of 1 is spread over all places."""
        shape = self.values.shape
        return tuple(0 if n == 1 else i for i, n in zip(place[len(place) - len(shape) :], shape, strict=True))


def number_of(weight: Any) -> np.ndarray:
    """Return a weight, a tensor or a constant as float64."""
    return keras.ops.convert_to_numpy(keras.ops.convert_to_tensor(weight, "float64"))
