import numpy as np
import pytest

from coursekit import show
from coursekit.techniques.deletion_insertion import DeletionInsertion


def found(deletion, insertion):
    share = np.linspace(0, 1, len(deletion), dtype=np.float32)
    areas = [float(np.trapezoid(curve, share)) for curve in (deletion, insertion)]
    return DeletionInsertion(share, np.float32(deletion), np.float32(insertion), *areas)


def test_curves_and_areas():
    maps = {"good": found([1, 0, 0], [0, 1, 1]), "bad": found([1, 1, 0], [0, 0.5, 1])}
    fig = show.deletion_insertion(maps)
    assert "Areas under both: good 0.25 and 0.75; bad 0.75 and 0.50." in fig.alt
    left, right = fig.axes
    assert [ax.get_title() for ax in fig.axes] == ["deletion", "insertion"]
    for ax, curve in ((left, "deletion"), (right, "insertion")):
        for line, one in zip(ax.lines, maps.values(), strict=True):
            np.testing.assert_array_equal(line.get_xydata(), np.stack([one.share, getattr(one, curve)], axis=1))
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["good, 0.75", "bad, 0.50"]
    assert left.get_ylabel() == "probability"


def test_every_curve_looks_different():
    maps = {f"map {i}": found([1, 0.5, i / 9], [0, 0.5, 1]) for i in range(6)}
    looks = {
        (line.get_color(), str(line._dash_pattern)) for line in show.deletion_insertion(maps, "score").axes[0].lines
    }
    assert len(looks) == 6


def test_nothing():
    with pytest.raises(ValueError, match="There are no curves to show"):
        show.deletion_insertion({})
