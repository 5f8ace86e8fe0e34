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


def linear(colour):
    """Return the light of a colour, (3,)."""
    values = np.array(to_rgb(colour))
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def test_each_colour_stands_out_from_paper():
    light = np.array([linear(colour) for colour in TEN_COLOURS]) @ [0.2126, 0.7152, 0.0722]
    assert (1.05 / (light + 0.05)).min() >= 3


# What light of red, green and blue comes to for readers without red or without green cones: Machado and others, 2009.
WITHOUT_RED = [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
WITHOUT_GREEN = [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
# Light to cones, and the cube roots of these to lightness and two colour axes: Ottosson, OKLab, 2020.
CONES = [
    [0.41222147, 0.53633254, 0.05144599],
    [0.21190350, 0.68069955, 0.10739696],
    [0.08830246, 0.28171884, 0.62997870],
]
AXES = [
    [0.21045426, 0.79361779, -0.00407205],
    [1.97799850, -2.42859221, 0.45059371],
    [0.02590404, 0.78277177, -0.80867577],
]


@pytest.mark.parametrize(
    ("seen", "apart"),
    [(np.eye(3), 17), (WITHOUT_RED, 10), (WITHOUT_GREEN, 10)],
    ids=["all cones", "no red", "no green"],
)
def test_any_two_colours_can_be_told_apart(seen, apart):
    light = np.clip(np.array([linear(colour) for colour in TEN_COLOURS]) @ np.transpose(seen), 0, 1)
    places = 100 * np.cbrt(light @ np.transpose(CONES)) @ np.transpose(AXES)
    distances = np.linalg.norm(places[:, None] - places, axis=2)
    assert distances[np.triu_indices(10, 1)].min() >= apart


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
    assert fig.alt == "Noise, twice. 60 points."
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
