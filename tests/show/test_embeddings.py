import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.offsetbox import AnnotationBbox

from coursekit import show
from coursekit.show.embeddings import TEN_COLOURS, classes, glyphs

POINTS = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
LABELS = np.arange(60) % 10
PICTURES = np.random.default_rng(1).integers(0, 256, (60, 12, 8, 1)).astype(np.uint8)


def groups(ax):
    """Return what is drawn as points: {colour: (n, 2)}."""
    return {to_hex(group.get_facecolor()[0]): np.asarray(group.get_offsets()) for group in ax.collections}


def thumbnails(ax):
    return {tuple(np.float32(a.xy)): a for a in ax.artists if isinstance(a, AnnotationBbox)}


def test_a_colour_for_each_class():
    drawn = groups(show.scatter(POINTS, LABELS, alt="Noise").axes[0])
    for digit, colour in enumerate(TEN_COLOURS):
        np.testing.assert_array_equal(drawn[colour], POINTS[digit == LABELS])


def test_each_colour_stands_out_from_paper():
    def light(colour):
        red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in to_rgb(colour))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    assert min(1.05 / (light(colour) + 0.05) for colour in TEN_COLOURS) >= 3


def test_a_glyph_for_each_class():
    fig = show.scatter(POINTS, LABELS, alt="Noise")
    shapes = [group.get_paths()[0].vertices for group in fig.axes[0].collections[:10]]
    assert len({shape.tobytes() for shape in shapes}) == 10
    one, eight = (np.ptp(shapes[digit], axis=0) for digit in (1, 8))
    assert one[0] / one[1] < eight[0] / eight[1]  # a one is narrower


def test_without_labels_all_are_alike():
    fig = show.scatter(POINTS, alt="Noise")
    (points,) = groups(fig.axes[0]).values()
    np.testing.assert_array_equal(points, POINTS)
    assert not fig.legends


def test_maps_side_by_side():
    fig = show.scatter({"one": POINTS, "other": -POINTS}, LABELS, alt="Noise, twice.")
    assert [ax.get_title() for ax in fig.axes] == ["one", "other"]
    for ax, sign in zip(fig.axes, (1, -1), strict=True):
        np.testing.assert_array_equal(groups(ax)[TEN_COLOURS[3]], sign * POINTS[LABELS == 3])
    assert fig.alt == "Noise, twice. 60 pictures."
    titled = show.scatter([POINTS, POINTS], titles=["a", "b"], alt="Noise")
    assert [ax.get_title() for ax in titled.axes] == ["a", "b"]


def test_no_more_columns_than_asked():
    fig = show.scatter([POINTS] * 5, columns=2, alt="Noise")
    assert len(fig.axes) == 6
    assert fig.get_figheight() == pytest.approx(3 * 3.4)


@pytest.mark.parametrize("marked", [[3, 7, 11], np.isin(np.arange(60), [3, 7, 11])])
def test_marked_points_have_a_ring(marked):
    rings = show.scatter(POINTS, LABELS, marked=marked, alt="Noise").axes[0].collections[-1]
    np.testing.assert_array_equal(rings.get_offsets(), POINTS[[3, 7, 11]])
    assert len(rings.get_facecolors()) == 0


class TestThumbnails:
    def test_at_the_place_of_their_point_and_in_the_colour_of_its_class(self):
        found = thumbnails(show.scatter(POINTS * 100, LABELS, PICTURES, alt="Noise").axes[0])
        assert len(found) > 10
        places = [tuple(place) for place in POINTS * 100]
        for place, box in found.items():
            i = places.index(place)
            picture = box.offsetbox.get_data()
            assert picture.shape == (28, 19, 3)
            assert picture.mean() == pytest.approx(PICTURES[i].mean(), abs=6)
            assert to_hex(box.patch.get_edgecolor()) == TEN_COLOURS[LABELS[i]]

    def test_they_do_not_cover_each_other(self):
        fig = show.scatter(POINTS, LABELS, PICTURES, alt="Noise")
        fig.canvas.draw()
        boxes = [box.patch.get_window_extent() for box in thumbnails(fig.axes[0]).values()]
        assert 10 < len(boxes) < 60
        for i, box in enumerate(boxes):
            assert not any(box.overlaps(other) for other in boxes[:i])


def test_names():
    assert classes([7, 10, 7, 9])[0] == ["7", "9", "10"]
    np.testing.assert_array_equal(classes(["cat", "ant", "cat"])[1], [1, 0, 1])
    assert glyphs(["7", "9", "10"]) == ["7", "9", "10"]
    assert glyphs(["ant", "b"]) == ["a", "b"]
    legend = show.scatter(POINTS[:3], ["cat", "ant", "cat"], alt="Two animals").legends[0]
    assert [text.get_text() for text in legend.get_texts()] == ["ant", "cat"]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"maps": POINTS[:, :1]}, ValueError, r"shape \(N, 2\), a point for each picture, not \(60, 1\)"),
        ({"maps": [POINTS, POINTS[1:]]}, ValueError, r"same pictures, but they hold \[60, 59\]"),
        ({"maps": POINTS * np.nan}, ValueError, "NaN"),
        ({"maps": "map"}, TypeError, "real numbers"),
        ({"labels": np.arange(60)}, ValueError, "60 classes, but colours tell ten apart at most"),
        ({"labels": LABELS[1:]}, ValueError, "60 points but 59 labels"),
        ({"labels": LABELS / 2}, TypeError, "whole numbers or words, not float64"),
        ({"pictures": PICTURES[1:]}, ValueError, "60 points but 59 pictures"),
        ({"titles": ["a", "b"]}, ValueError, "1 maps but 2 titles"),
        ({"alt": " "}, ValueError, "needs an alt text"),
    ],
)
def test_bad_input(arguments, error, words):
    with pytest.raises(error, match=words):
        show.scatter(**{"maps": POINTS, "alt": "Noise", **arguments})
