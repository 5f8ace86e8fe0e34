"""The figure of a diagnosis: where its points lie against the normal range, and what the alt text says."""

import numpy as np
import pytest

from coursekit import show
from coursekit.show.figure import BLUE, ORANGE
from coursekit.techniques.diagnosis_table import Diagnosis, Finding, not_measured


def found(name, value, normal):
    unusual = normal is not None and not normal[0] <= value <= normal[1]
    return Finding(name, "", value, "share of the pictures", normal, "", unusual, "It is so.", "03_tsne_embeddings")


def test_points_lie_where_the_number_lies_in_its_range():
    ill = [found("one", 0.3, (0.1, 0.2)), found("two", 0.12, (0.1, 0.2)), found("three", 0.9, (0.1, 0.2))]
    rest = [found("four", 0.5, None), not_measured("saturated outputs", "It needs a softmax.")]
    fig = show.diagnosis(Diagnosis((*ill, *rest)))
    (ax,) = fig.axes
    places = [line.get_xydata()[0] for line in ax.lines]
    np.testing.assert_allclose(places, [[2, 0], [0.2, 1], [3, 2]])
    assert [line.get_color() for line in ax.lines] == [ORANGE, BLUE, ORANGE]
    assert [line.get_marker() for line in ax.lines] == ["^", ".", ">"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["one", "two", "three"]
    assert ax.texts[0].get_text() == "0.3 share of the pictures, normal 0.1 to 0.2"


def test_the_alt_text_names_what_is_unusual_with_its_numbers():
    two = found("one", 0.3, (0.1, 0.2)), found("two", 0.12, (0.1, 0.2))
    assert show.diagnosis(Diagnosis(two)).alt == (
        "2 numbers of a diagnosis against what is normal. Unusual: one 0.3 (normal 0.1 to 0.2)."
    )
    assert show.diagnosis(Diagnosis(two[1:])).alt.endswith("All are normal.")


def test_nothing_to_show_is_refused():
    with pytest.raises(ValueError, match="no finding of this diagnosis has a range"):
        show.diagnosis(Diagnosis((found("four", 0.5, None),)))
