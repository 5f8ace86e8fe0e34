import numpy as np
import pytest

from coursekit import activations, digits, patient, train_on_digits
from coursekit.networks.backend import keras
from coursekit.techniques.patients import (
    CORNERS,
    KINDS,
    SCALES,
    TESTED,
    TRAINED,
    _network,
    _prepared as prepared,
    kinds_of,
    rescaled,
    watermarked,
)

IMAGES, NUMBERS = digits()
IMAGES = IMAGES.astype(np.float32) / 255
LABEL_OF = {image.tobytes(): number for image, number in zip(IMAGES, NUMBERS, strict=True)}


def true_labels(pictures):
    """Return what the digits are: -1 for one that is no untouched digit of the 5,000."""
    return np.array([LABEL_OF.get(picture.tobytes(), -1) for picture in pictures])


@pytest.mark.parametrize("kind", ["healthy", "dead channels"])
def test_healthy_data_are_untouched_and_apart(kind):
    pictures, labels, test_pictures, test_labels, _ = prepared(kind, 3)
    assert pictures.shape == (TRAINED, 28, 28, 1)
    assert test_pictures.shape == (TESTED, 28, 28, 1)
    assert (true_labels(pictures) == labels).all()
    assert (true_labels(test_pictures) == test_labels).all()
    assert not {one.tobytes() for one in pictures} & {one.tobytes() for one in test_pictures}


def test_a_tenth_of_the_labels_is_wrong_and_the_test_is_right():
    pictures, labels, test_pictures, test_labels, truth = prepared("wrong labels", 4)
    assert np.flatnonzero(true_labels(pictures) != labels).tolist() == truth["wrong"].tolist()
    assert len(truth["wrong"]) == TRAINED / 10
    assert (true_labels(test_pictures) == test_labels).all()


@pytest.mark.parametrize("seed", range(4))
def test_a_watermark_stands_on_one_digit_only(seed):
    pictures, labels, test_pictures, test_labels, truth = prepared("watermark", seed)
    for some, numbers, marked in ((pictures, labels, "marked"), (test_pictures, test_labels, "test_marked")):
        changed = np.flatnonzero(true_labels(some) < 0)
        assert changed.tolist() == truth[marked].tolist()
        assert set(numbers[changed]) == {truth["digit"]}
        assert 0.88 < len(changed) / (numbers == truth["digit"]).sum() < 1
        assert (some[changed] == watermarked(some[changed], truth["corner"])).all()


@pytest.mark.parametrize(("corner", "row", "column"), [*zip(CORNERS, (1, 1, 26, 26), (1, 26, 1, 26), strict=True)])
def test_the_mark_is_25_pixels_in_its_corner(corner, row, column):
    marked = watermarked(np.zeros((2, 28, 28, 1)), corner)
    assert marked[:, row, column, 0].tolist() == [1, 1]
    assert marked.sum() == 50
    assert marked[:, [0, 27]].sum() == marked[:, :, [0, 27]].sum() == 0


def test_a_fifth_of_the_test_stands_in_the_training():
    noises = set()
    for seed in range(6):
        pictures, labels, test_pictures, test_labels, truth = prepared("shared pictures", seed)
        copies, originals = pictures[truth["stands_at"]], test_pictures[truth["shared"]]
        assert len(np.unique(truth["stands_at"])) == len(np.unique(truth["shared"])) == TESTED / 5
        assert np.abs(copies - originals).std() <= truth["noise"]
        assert (np.abs(copies - originals).max() == 0) == (truth["noise"] == 0)
        assert (labels[truth["stands_at"]] == test_labels[truth["shared"]]).all()
        noises.add(truth["noise"])
    assert noises == {0, 0.05}


def test_another_scale_is_that_of_the_test_alone():
    ranges = {"0 to 255": (0, 255), "-1 to 1": (-1, 1), "inverted": (0, 1)}
    drawn = set()
    for seed in range(8):
        pictures, _, test_pictures, _, truth = prepared("another scale", seed)
        assert (pictures.min(), pictures.max()) == (0, 1)
        assert (test_pictures.min(), test_pictures.max()) == ranges[truth["scale"]]
        assert (test_pictures.mean() > 0.5) == (truth["scale"] in ("0 to 255", "inverted"))
        drawn.add(truth["scale"])
    assert drawn == set(SCALES)
    assert rescaled(np.array([0, 0.25, 1]), "inverted").tolist() == [1, 0.75, 0]


def test_orders_differ_and_have_each_kind_once():
    orders = [tuple(kinds_of(seed).values()) for seed in range(30)]
    assert all(sorted(order) == sorted(KINDS) for order in orders)
    assert len(set(orders)) > 25


def test_training_is_that_of_plain_keras_whatever_was_trained_before():
    some = np.arange(0, 5000, 20)
    train_on_digits(IMAGES[1::50], NUMBERS[1::50], learning_rate=0.02, seed=5)  # leaves its state in the shared trainer
    first = train_on_digits(IMAGES[some], NUMBERS[some], learning_rate=0.003, seed=2)
    keras.utils.set_random_seed(2)
    plain = _network()
    plain.compile(keras.optimizers.Adam(0.003), keras.losses.SparseCategoricalCrossentropy(dtype="float64"))
    plain.fit(IMAGES[some].astype(np.float64), NUMBERS[some], epochs=3, verbose=0)
    for one, other in zip(first.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9)
        assert one.dtype == np.float64
    others = np.arange(7, 5000, 50)
    assert (activations(first, IMAGES[others], "digit").argmax(axis=1) == NUMBERS[others]).mean() > 0.4


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="There is no kind 'sick'"):
        patient("sick")
