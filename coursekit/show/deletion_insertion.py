"""The two curves that judge maps."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from typing import Any

from coursekit.show.figure import BLUE, GREEN, ORANGE, PURPLE, Figure, figure

_LOOKS = [(BLUE, "-"), (ORANGE, "--"), (GREEN, "-."), (PURPLE, ":"), ("black", (0, (1, 1))), ("0.5", "-")]
_CURVES = ("deletion", "insertion")


def deletion_insertion(found: Mapping[str, Any], followed: str = "probability") -> Figure:
    """Show how a class falls as a map's strongest pixels go, and how it rises as they come, for several maps.

    Args:
        found: What ``deletion_insertion`` gave for each map, by name: {"occlusion": ..., "random": ...}.
        followed: What stands on the vertical axis.

    Raises:
        ValueError: There is nothing to show.
    """
    if not found:
        raise ValueError("There are no curves to show: give what deletion_insertion returned, by name.")
    told = "; ".join(f"{name} {one.deletion_area:.2f} and {one.insertion_area:.2f}" for name, one in found.items())
    said = f"Curves of the {followed} while pixels are deleted, and while they are inserted. Areas under both: {told}."
    fig = figure(said, 8.5, 3.2)
    for ax, curve in zip(fig.subplots(1, 2, sharey=True), _CURVES, strict=True):
        for (name, one), (colour, style) in zip(found.items(), cycle(_LOOKS)):
            area = getattr(one, f"{curve}_area")
            ax.plot(one.share, getattr(one, curve), color=colour, linestyle=style, label=f"{name}, {area:.2f}")
        ax.set(title=curve, xlabel=f"share of the pixels that {'is gone' if curve == 'deletion' else 'is there'}")
        ax.legend(title="area under the curve", fontsize=7, title_fontsize=7)
    fig.axes[0].set_ylabel(followed)
    return fig
