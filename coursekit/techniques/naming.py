"""Whether a name that somebody gave to a unit predicts what the unit answers to."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from coursekit.networks.graph import as_inputs, input_names, steps
from coursekit.techniques.activations import activations

FEWEST = 3
"""Of pictures with and of pictures without: with two of one kind, chance is too often perfect."""
_BATCH = 32
_WAYS = 10_000


@dataclass(frozen=True)
class NameScore:
    """How well a name predicts a unit's answers.

    Attributes:
        auc: Of all pairs of a picture said to show what the name says and one said not to, the share in which
            the unit answers more strongly to the first; equal answers count half. It is the area under the ROC curve.
            1: the name orders all pictures as the unit does. 0.5: chance. 0: the unit answers to everything else.
        yes: How many pictures were said to show it.
        no: How many were said not to.
        mean_yes: The unit's mean answer to the first.
        mean_no: Its mean answer to the others.
        p_value: The share of all ways to deal out as many yes and no to these pictures that do as well or better,
            or, where there are more than 10,000 ways, of 10,000 random ones: the p-value of a permutation test.
        few: Whether there are fewer than three of either, which is too few to tell.
    """

    auc: float
    yes: int
    no: int
    mean_yes: float
    mean_no: float
    p_value: float
    few: bool

    @property
    def pairs_right(self) -> float:
        """The former name of ``auc``."""
        return self.auc

    @property
    def by_chance(self) -> float:
        """The former name of ``p_value``."""
        return self.p_value

    def __str__(self) -> str:
        said = (
            f"{self.auc:.0%} of all pairs are ordered right; chance gives 50%. "
            f"The mean answer is {self.mean_yes:.4g} to the {self.yes} with it, {self.mean_no:.4g} to the {self.no} "
            f"without. Yes and no dealt out at random do as well in {_percent(self.p_value)} of cases."
        )
        return said + f" That is too few pictures to tell: it takes {FEWEST} of each at least." * self.few


def name_score(answers: Any, says: Sequence[bool]) -> NameScore:
    """Return how well a person's yes and no to pictures predict a unit's answers to them.

    Paper: Mann and Whitney, "On a test of whether one of two random variables is stochastically larger than the other",
    Annals of Mathematical Statistics 18, 1947: their U, divided by the number of pairs, with a p-value by permutation.

    Args:
        answers: (N,) the unit's answer to each picture, for example a column of ``unit_activations``.
        says: (N,) for each picture whether a person who does not know the answers says that it shows what the name
            says.

    Raises:
        TypeError: ``answers`` holds no numbers, or ``says`` something other than True and False.
        ValueError: The lengths differ, an answer is not finite, or all pictures were said to be of one kind.

    Example:
        >>> from coursekit import name_score
        >>> score = name_score(answers=[5, 4, 3, 2, 1, 0], says=[True, True, False, True, False, False])
        >>> round(score.auc, 2), round(score.p_value, 2)
        (0.89, 0.1)
    """
    answers, says = np.asarray(answers), np.asarray(says)
    if not (np.issubdtype(answers.dtype, np.floating) or np.issubdtype(answers.dtype, np.integer)):
        raise TypeError(f"answers must hold numbers, not {answers.dtype}.")
    if says.size and says.dtype != bool:
        raise TypeError(f"says must hold True and False only, not {says.dtype}. Leave out pictures not judged.")
    if answers.ndim != 1 or answers.shape != says.shape:
        raise ValueError(f"There must be one answer for each picture: {answers.shape} answers, {says.shape} says.")
    if not np.isfinite(answers).all():
        raise ValueError("answers holds NaN or infinity.")
    says = says.astype(bool)  # an empty list is no array of bool yet
    yes, no = int(says.sum()), int((~says).sum())
    if not yes or not no:
        raise ValueError(
            f"{yes} pictures were said to show it and {no} not to: a score compares the two, so it takes some of each."
        )
    ranks = rankdata(answers)
    return NameScore(
        auc=float(roc_auc_score(says, answers)),
        yes=yes,
        no=no,
        mean_yes=float(answers[says].mean()),
        mean_no=float(answers[~says].mean()),
        p_value=float((_rank_sums(ranks, yes) >= ranks[says].sum()).mean()),
        few=min(yes, no) < FEWEST,
    )


def _rank_sums(ranks: np.ndarray, count: int) -> np.ndarray:
    """Return the sums of ``count`` of the ranks: of all choices, or of 10,000, the first of them the largest.

    SciPy's ``permutation_test`` takes two of each kind at least.
    """
    if comb(len(ranks), count) <= _WAYS:
        return np.array([sum(chosen) for chosen in combinations(ranks.tolist(), count)])
    shuffled = np.random.default_rng(0).permuted(np.tile(ranks, (_WAYS, 1)), axis=1)
    shuffled[0] = np.sort(ranks)[::-1]  # so that chance is never said to be nothing
    return shuffled[:, :count].sum(axis=1)


def unit_activations(model: Any, layer: str, images: Any) -> np.ndarray:
    """Return how strongly each channel of a layer answers to each picture: its largest activation anywhere in it.

    The pictures are computed 32 at a time, and only the largest activations are kept.

    Args:
        model: A Keras model, with one input or several.
        layer: A layer's name; its output is (N, H, W, C) or (N, C).
        images: (N, H, W, C), values as the model takes them; or (H, W, C). For several inputs as in ``activations``.

    Returns:
        float32 (N, channels), or (channels,) for one picture.

    Raises:
        TypeError, ValueError: As ``activations``.

    Example:
        >>> from coursekit import photos, squeezenet, unit_activations
        >>> unit_activations(squeezenet(), "conv1", photos()[0][:5]).shape
        (5, 64)
    """
    steps(model)  # checks
    batches, alone = as_inputs(model, images)
    names = input_names(model)
    found = []
    for first in range(0, len(batches[0]), _BATCH):
        parts = [batch[first : first + _BATCH] for batch in batches]
        maps = activations(model, dict(zip(names, parts, strict=True)), layer)
        if not isinstance(maps, np.ndarray) or maps.ndim not in (2, 4):
            raise ValueError(f"Answers are of layers that give (H, W, channels) or (channels,), not as {layer!r}.")
        found.append(maps if maps.ndim == 2 else maps.max(axis=(1, 2)))
    answers = np.concatenate(found)
    return answers[0] if alone else answers


def _percent(share: float) -> str:
    return "less than 0.1%" if share < 0.001 else f"{share:.1%}"


def unit_answers(*args: Any, **kwargs: Any) -> np.ndarray:
    """Return ``unit_activations(...)``, as it is called now."""
    warnings.warn("unit_answers is called unit_activations now.", DeprecationWarning, stacklevel=2)
    return unit_activations(*args, **kwargs)
