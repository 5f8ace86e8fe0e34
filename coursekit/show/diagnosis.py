"""Findings of a diagnosis against what is normal."""

from __future__ import annotations

import numpy as np

from coursekit.show.figure import BLUE, ORANGE, Figure, figure
from coursekit.techniques.diagnosis_table import Diagnosis, range_in_words

_MOST = 3  # widths of the normal range that are drawn; farther out is an arrow


def diagnosis(found: Diagnosis) -> Figure:
    """Show each number of a diagnosis against its normal range: a grey band, the same for all, and a point.

    What is unusual is an orange triangle, what is normal a blue dot. What has no range or was not measured is left out.

    Args:
        found: What ``diagnose`` returned.

    Raises:
        ValueError: No number has a range to be shown against.
    """
    rows = [one for one in found if one.value is not None and one.normal is not None]
    if not rows:
        raise ValueError("There is nothing to show: no finding of this diagnosis has a range of what is normal.")
    told = [f"{one.name} {one.value:.3g} (normal {range_in_words(one.normal)})" for one in rows if one.unusual]
    said = f"{len(rows)} numbers of a diagnosis against what is normal. "
    fig = figure(said + (f"Unusual: {'; '.join(told)}." if told else "All are normal."), 7.5, 1.0 + 0.27 * len(rows))
    ax = fig.subplots()
    ax.axvspan(0, 1, color="0.88", zorder=0)
    for y, one in enumerate(rows):
        low, high = one.normal
        place = (one.value - low) / (high - low) if high > low else float(one.value > high) * _MOST
        inside = float(np.clip(place, -0.5, _MOST))
        marker = "." if not one.unusual else ">" if place > _MOST else "^"
        ax.plot(inside, y, marker, color=ORANGE if one.unusual else BLUE, markersize=8, markeredgecolor="black")
        told = f"{one.value:.3g} {one.unit}, normal {range_in_words(one.normal)}"
        ax.text(_MOST + 0.15, y, told, va="center", fontsize=7)
    ax.set_yticks(range(len(rows)), [one.name for one in rows], fontsize=8)
    ax.set_xticks([0, 1], ["lowest\nnormal", "highest\nnormal"], fontsize=8)
    ax.set(xlim=(-0.6, _MOST + 0.1), ylim=(len(rows) - 0.5, -0.5))
    ax.spines[["top", "right"]].set_visible(False)
    return fig
