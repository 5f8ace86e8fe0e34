"""``diagnose`` on networks worked out by hand: each has one fault whose number is known."""

import re
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from coursekit import diagnose, shift
from coursekit.networks.backend import keras
from coursekit.techniques import diagnosis_answers
from coursekit.techniques.diagnosis_table import MEASURES, finding, widened

layers = keras.layers
RANDOM = np.random.default_rng(0)
NOT_INSIDE = "What custom layers and wrappers hold is not looked into."
NOISE = RANDOM.uniform(1, 255, (24, 12, 12, 1)).astype(np.float32)


def network(*stack, shape=(12, 12, 1), **weights):
    model = keras.Sequential([keras.Input(shape), *stack])
    for name, values in weights.items():
        model.get_layer(name).set_weights([np.asarray(value, np.float32) for value in values])
    return model


def maps_only(kernels, biases, *rest):
    """A network with one convolution of these kernels (kh, kw, 1, out), and two scores behind it."""
    kernels = np.asarray(kernels, np.float32)
    height, width, _, count = kernels.shape
    first = layers.Conv2D(count, (height, width), name="first", activation=None if rest else "relu")
    return network(first, *rest, layers.GlobalAveragePooling2D(), layers.Dense(2, name="scores"),
                   first=[kernels, biases])  # fmt: skip


def linear(matrix, shape, biases=None, softmax=True):
    """A network whose scores are a matrix times the pixels (pixels, classes)."""
    matrix = np.asarray(matrix, np.float32)
    biases = np.zeros(matrix.shape[1]) if biases is None else biases
    end = [layers.Softmax()] if softmax else []
    return network(layers.Flatten(), layers.Dense(matrix.shape[1], name="scores"), *end,
                   shape=shape, scores=[matrix, biases])  # fmt: skip


# Layers


@pytest.mark.parametrize("apart", [False, True])
def test_channels_that_are_never_above_zero(apart):
    rest = [layers.ReLU(name="active")] if apart else []
    found = diagnose(maps_only([[[[1, -1, 2, -0.5]]]], np.zeros(4), *rest), NOISE)["dead channels"]
    assert (found.value, found.where) == (0.5, "active" if apart else "first")
    assert found.details["channels"][found.where].tolist() == [1, 3]
    assert found.unusual
    assert found.says.startswith(f"2 of the 4 channels of '{found.where}' are never above zero, in 24 pictures.")


def test_one_pixel_of_the_last_batch_keeps_a_channel_alive():
    pictures = NOISE.copy()
    pictures[-1, 3, 4] = -1
    model = maps_only([[[[1, -1, 2, -0.5]]]], np.zeros(4))
    found = diagnose(model, pictures, batch_size=5)["dead channels"]
    assert found.value == 0
    assert not found.unusual
    assert found.where == ""
    assert found.says == "Each channel of 'first' is above zero somewhere, in 24 pictures."


def test_the_layer_with_the_most_dead_channels_is_named():
    second = layers.Conv2D(4, 1, activation="relu", name="second")
    model = network(layers.Conv2D(2, 1, activation="relu", name="first"), second, layers.Flatten(), layers.Dense(2))
    model.get_layer("first").set_weights([np.float32([[[[1, -1]]]]), np.zeros(2)])
    second.set_weights([np.float32([[[[1, -1, -1, -1], [0, 0, 0, 0]]]]), np.zeros(4)])
    found = diagnose(model, NOISE)["dead channels"]
    assert (found.value, found.where) == (0.75, "second")
    assert found.details["shares"] == {"first": 0.5, "second": 0.75}


def test_dead_channels_of_a_dense_layer_need_many_pictures():
    hidden = layers.Dense(4, activation="relu", name="hidden")
    model = network(layers.Flatten(), hidden, layers.Dense(2), shape=(2, 2, 1))
    hidden.set_weights([np.zeros((4, 4)), np.array([-1, -1, -1, 1])])
    many = diagnose(model, np.ones((500, 2, 2, 1)))["dead channels of Dense layers"]
    few = diagnose(model, np.ones((499, 2, 2, 1)))["dead channels of Dense layers"]
    assert (many.value, few.value) == (0.75, 0.75)
    assert (many.unusual, few.unusual) == (True, False)
    assert few.normal is None
    assert "fewer than 500 pictures, healthy networks have such channels, too" in few.says


def test_a_leaky_layer_has_no_dead_channels():
    found = diagnose(maps_only([[[[1, -1]]]], np.zeros(2), layers.LeakyReLU()), NOISE)["dead channels"]
    assert found.value is None
    assert found.says == f"No ReLU among the layers of the graph, before its outputs, gives maps. {NOT_INSIDE}"


def test_a_custom_layer_is_said_not_to_be_looked_into():
    class Block(layers.Layer):  # holds all that is looked for
        def __init__(self):
            super().__init__()
            self.inner = [layers.Conv2D(4, 3), layers.BatchNormalization(), layers.ReLU()]

        def call(self, x):
            for layer in self.inner:
                x = layer(x)
            return x

    found = diagnose(network(Block(), layers.GlobalAveragePooling2D(), layers.Dense(2)), NOISE)
    for name in ("dead channels", "dead channels of Dense layers", "nearly constant channels", "twins among filters",
                 "inputs off their statistics"):  # fmt: skip
        assert found[name].value is None
        assert "among the layers of the graph" in found[name].says
        assert found[name].says.endswith(NOT_INSIDE)


def test_maps_of_one_place_are_judged_as_a_dense_layer():
    weights, biases = RANDOM.normal(size=(9, 6)).astype(np.float32), np.float32([0, 0, 0, 0, -1e4, -1e4])
    dense = network(layers.Flatten(), layers.Dense(6, activation="relu", name="head"), layers.Dense(2),
                    shape=(3, 3, 1), head=[weights, biases])  # fmt: skip
    maps = network(layers.Reshape((1, 1, 9)), layers.Conv2D(6, 1, activation="relu", name="head"), layers.Flatten(),
                   layers.Dense(2), shape=(3, 3, 1), head=[weights.reshape(1, 1, 9, 6), biases])  # fmt: skip
    for model in (dense, maps):
        found = diagnose(model, NOISE[:, :3, :3])
        assert found["dead channels"].value is None
        assert found["nearly constant channels"].value is None
        one = found["dead channels of Dense layers"]
        assert (one.value, one.where, one.normal) == (pytest.approx(2 / 6), "head", None)


def test_channels_that_give_the_same_everywhere():
    # 255 * 0.001 spans less than a hundredth of what the others span, and is alive through its bias.
    found = diagnose(maps_only([[[[1, 0.001, 2, -1]]]], [0, 5, 0, 0]), NOISE)["nearly constant channels"]
    assert found.value == 0.25
    assert found.details["channels"]["first"].tolist() == [1]  # the dead one is no second finding


def normalized(factors, *rest, biases=(0, 0, 0, 0), activation=None):
    """A network whose normalization multiplies the four channels of its convolution by these factors."""
    first = layers.Conv2D(4, 1, activation=activation, name="first")
    norm = layers.BatchNormalization(epsilon=0.0, name="norm")
    stack = [first, norm, *rest, layers.GlobalAveragePooling2D(), layers.Dense(2)]
    return network(*stack, first=[[[[[1, 0.001, 2, 1]]]], biases],
                   norm=[factors, np.full(4, -1), np.zeros(4), np.ones(4)])  # fmt: skip


@pytest.mark.parametrize(("rest", "end"), [
    ([], "norm"),
    ([layers.ReLU(name="active")], "active"),
    ([layers.Activation("tanh", name="active")], "active"),
    ([layers.SpatialDropout2D(0.5), layers.ReLU(name="active"), layers.SpatialDropout2D(0.5)], "active"),
])  # fmt: skip
def test_constant_channels_are_looked_for_behind_the_normalization(rest, end):
    name = "nearly constant channels"
    small = np.array([1, 1000, 0.5, 1]) / 100  # the kernel that is a thousandth is made as large as the others
    mended = diagnose(normalized(small, *rest), NOISE)[name]
    assert (mended.value, list(mended.details["channels"])) == (0, [end])
    small[3] = 1e-6
    shrunk = normalized(small, *rest)
    shrunk.get_layer("norm").beta.assign([0, 0, 0, 0.1])
    found = diagnose(shrunk, NOISE)[name]
    assert (found.value, found.where) == (0.25, end)
    assert found.details["channels"][end].tolist() == [3]


def test_constant_channels_are_looked_for_behind_a_normalization_of_each_picture():
    norm = layers.GroupNormalization(groups=4, epsilon=1e-9, name="norm")
    found = diagnose(maps_only([[[[1, 0.001, 2, 1]]]], np.zeros(4), norm), NOISE)["nearly constant channels"]
    assert (found.value, list(found.details["channels"])) == (0, ["norm"])


def test_behind_a_relu_and_a_normalization_a_dead_channel_is_still_dead_and_not_constant():
    model = normalized(np.array([1, 1000, 0.5, 1]) / 100, biases=(0, 0, 0, -300), activation="relu")
    found = diagnose(model, NOISE)
    assert (found["dead channels"].value, found["dead channels"].where) == (0.25, "first")
    assert found["nearly constant channels"].value == 0
    assert list(found["nearly constant channels"].details["channels"]) == ["norm"]


def test_a_convolution_that_others_take_too_ends_before_its_normalization():
    picture = keras.Input((12, 12, 1))
    first = layers.Conv2D(4, 1, name="first")(picture)
    both = layers.Concatenate()([first, layers.BatchNormalization()(first)])
    model = keras.Model(picture, layers.Dense(2)(layers.GlobalAveragePooling2D()(both)))
    model.get_layer("first").set_weights([np.float32([[[[1, 0.001, 2, 1]]]]), np.zeros(4)])
    found = diagnose(model, NOISE)["nearly constant channels"]
    assert (found.value, found.where) == (0.25, "first")


def test_only_behind_a_relu_a_channel_below_zero_is_dead():
    # Two channels of tanh that stand at -1 in all pictures.
    first = layers.Conv2D(4, 1, activation="tanh", name="first")
    model = network(first, layers.GlobalAveragePooling2D(), layers.Dense(2),
                    first=[[[[[0.01, 0.02, 0.01, 0.01]]]], [0, 0, -999, -999]])  # fmt: skip
    found = diagnose(model, NOISE)
    assert found["nearly constant channels"].details["channels"]["first"].tolist() == [2, 3]
    assert found["nearly constant channels"].value == 0.5
    assert found["dead channels"].value is None


def test_twins_are_kernels_that_differ_in_strength_only():
    kernels = RANDOM.normal(size=(3, 3, 1, 6))
    kernels[..., 1] = 3 * kernels[..., 4]
    kernels[..., 2] = -kernels[..., 5]  # sees the opposite: no twin behind a ReLU
    found = diagnose(maps_only(kernels, np.zeros(6)), NOISE)["twins among filters"]
    assert found.value == pytest.approx(2 / 6)
    assert found.details["pairs"].tolist() == [[1, 4]]
    assert found.unusual
    assert "most alike are at 1.00" in found.says


def test_the_most_alike_of_two_opposite_kernels():
    kernels = RANDOM.normal(size=(3, 3, 1, 1)) * [1, -2]
    found = diagnose(maps_only(kernels, np.zeros(2)), NOISE)["twins among filters"]
    assert found.value == 0
    assert "most alike are at -1.00" in found.says


def test_kernels_of_one_number_are_no_twins():
    found = diagnose(maps_only(np.ones((1, 1, 1, 3)), np.zeros(3)), NOISE)["twins among filters"]
    assert found.value is None


def test_what_comes_into_a_normalisation_is_compared_with_its_training():
    model = network(layers.BatchNormalization(epsilon=0.0, name="norm"), layers.Flatten(), layers.Dense(2))
    model.get_layer("norm").set_weights([np.ones(1), np.zeros(1), np.array([10.0]), np.array([4.0])])
    pictures = np.where(np.arange(12) % 2, 20.0, 24.0).reshape(1, 1, 12, 1) * np.ones((20, 12, 1, 1))
    found = diagnose(model, pictures)["inputs off their statistics"]
    assert found.value == pytest.approx((22 - 10) / 2)
    assert found.details["spread"] == pytest.approx([2 / 2])


# Answers


def brightness(scale):
    """A network that expects values 0-1 and says whether the mean is above a half; and pictures of this scale."""
    levels = np.linspace(0.02, 0.98, 40)
    model = linear(np.full((4, 2), 1 / 4) * [-20, 20], (2, 2, 1), biases=[10, -10])
    return model, scale(levels)[:, np.newaxis, np.newaxis, np.newaxis] * np.ones((1, 2, 2, 1)), levels > 0.5, levels


@pytest.mark.parametrize(("scale", "best"), [
    (lambda x: 255 * x, "divided by 255"),
    (lambda x: 2 * x - 1, "brought to 0 to 1"),
    (lambda x: 1 - x, "inverted"),
])  # fmt: skip
def test_pictures_on_another_scale(scale, best):
    model, pictures, right, levels = brightness(scale)
    found = diagnose(model, pictures, right.astype(int))["inputs on another scale"]
    sign = np.where(right, 1, -1)
    given, mended = (sign * 40 * (values - 0.5) for values in (scale(levels), levels))
    loss = lambda margin: -np.log(np.maximum(1 / (1 + np.exp(np.minimum(-margin, 99))), 1e-7)).mean()  # noqa: E731
    assert found.details["best"] == best
    assert found.value == pytest.approx(loss(given) - loss(mended), rel=1e-3)
    assert found.unusual
    assert found.details["accuracy"][best] == 1


@pytest.mark.parametrize(("bias", "found_there", "accuracy"), [(0.5, False, 0.6), (0, True, 0.9)])
def test_a_scale_on_which_more_answers_are_wrong_is_not_better(bias, found_there, accuracy):
    # 40 sure answers are wrong. Divided by 255 they are less sure, but a bias makes 120 more wrong.
    labels = np.repeat([0, 0, 1, 1], [120, 80, 160, 40])
    margins = np.repeat([-51, -2550, 2550, -255], [120, 80, 160, 40])  # of class 1
    pictures = np.zeros((400, 1, 2, 1), np.float32)
    pictures[np.arange(400), 0, (margins > 0).astype(int), 0] = abs(margins) / 10
    found = diagnose(linear([[5, -5], [-5, 5]], (1, 2, 1), [0, bias]), pictures, labels)["inputs on another scale"]
    loss = lambda own: -np.log(np.maximum(1 / (1 + np.exp(np.minimum(-own, 99))), 1e-7))  # noqa: E731
    sign = np.where(labels == 1, 1, -1)
    gain = (loss(sign * (margins + bias)) - loss(sign * (margins / 255 + bias))).mean()
    assert gain > 1
    assert found.details["accuracy"]["as given"] == 0.9
    assert found.details["accuracy"]["divided by 255"] == accuracy
    assert found.details["best"] == ("divided by 255" if found_there else "as given")
    assert found.value == pytest.approx(gain if found_there else 0, rel=1e-3)
    assert found.unusual == found_there


def test_a_scale_on_which_guessing_is_as_good_is_not_better():
    # One answer for all, sure as given: 2 of 3 wrong. Divided by 255 it is nearly undecided between them.
    pictures, labels = np.full((60, 1, 1, 1), 200, np.float32), np.arange(60) % 3
    model = linear([[1, 0, 0]], (1, 1, 1))
    found = diagnose(model, pictures, labels)["inputs on another scale"]
    assert (found.value, found.unusual, found.details["best"]) == (0, False, "as given")
    assert found.says == (
        "None of 3 other scales is better: the labels more probable, also than by guessing, and not clearly more "
        "answers wrong (accuracy 0.333)."
    )


def test_the_scale_is_not_measured_with_one_class():
    model, pictures, _, _ = brightness(lambda x: 255 * x)
    found = diagnose(model, pictures, np.ones(40, int))["inputs on another scale"]
    assert (found.value, found.says) == (None, "It needs pictures of two classes, and all are of one.")


def test_the_scale_of_the_test_is_looked_at_too():
    model, pictures, right, _ = brightness(lambda x: x)
    alone = diagnose(model, pictures, right.astype(int))["inputs on another scale"]
    assert (alone.value, alone.unusual) == (0, False)
    how = {"test_pictures": 255 * pictures, "test_labels": right.astype(int)}
    found = diagnose(model, pictures, right.astype(int), **how)["inputs on another scale"]
    assert found.unusual
    assert "With the test pictures divided by 255" in found.says


def test_certainty_of_all_answers_and_of_the_wrong_ones():
    model = linear(np.eye(3), (1, 3, 1))
    margins = np.array([[9, 0, 0]] * 12 + [[0, 2, 0]] * 8 + [[0, 0, 9]] * 10, np.float32)
    labels = np.array([0] * 8 + [1] * 4 + [1] * 2 + [0] * 6 + [2] * 10)  # wrong: 4 sure ones, 6 that are not
    found = diagnose(model, margins.reshape(-1, 1, 3, 1), labels)
    assert np.exp(9) / (np.exp(9) + 2) > 0.999 > np.exp(2) / (np.exp(2) + 2)
    assert found["saturated outputs"].value == pytest.approx(22 / 30)
    assert found["sure and wrong"].value == pytest.approx(4 / 10)
    assert found["sure and wrong"].details["pictures"].tolist() == [8, 9, 10, 11]
    assert found["one answer for all"].value == pytest.approx(12 / 30)
    assert "0.667 of all are right" in found["saturated outputs"].says


def test_one_answer_for_all_is_unusual_beside_the_labels():
    labels = np.arange(30) % 3
    found = diagnose(linear(np.zeros((3, 3)), (1, 3, 1), [0, 1, 0]), np.ones((30, 1, 3, 1)), labels)
    assert found["one answer for all"].value == 1
    assert found["one answer for all"].unusual
    assert "The outputs are the same for all pictures." in found["one answer for all"].says


def watches(places):
    """A network with one class for each pixel (row, column) of 20 x 20 that it looks at."""
    matrix = np.zeros((400, len(places)))
    for label, (row, column) in enumerate(places):
        matrix[20 * row + column, label] = 0.1
    return linear(matrix, (20, 20, 1))


def test_a_pixel_in_a_corner_that_carries_a_class():
    labels = np.repeat(np.arange(4), 6)
    pictures = RANDOM.uniform(100, 150, (24, 20, 20, 1)).astype(np.float32)
    pictures[labels == 2, 1, 18] = 255
    model = watches([(9, 9), (10, 10), (1, 18), (9, 10)])
    found = diagnose(model, pictures, labels)["a place at the border that carries a class"]
    assert found.value == pytest.approx(1)
    assert (found.details["class"], found.details["cell"]) == (2, (0, 4))
    assert "Class 2 has 100% more of its evidence at the top right corner" in found.says
    assert found.unusual


def test_occlusion_and_gradient_must_agree_on_the_place():
    labels = np.repeat(np.arange(4), 6)
    pictures = RANDOM.uniform(100, 150, (24, 20, 20, 1)).astype(np.float32)
    pictures[:, :4, 16:] = 0  # the same in all pictures: covering it changes nothing, whatever the gradient says
    model = watches([(9, 9), (10, 10), (1, 18), (9, 10)])
    found = diagnose(model, pictures, labels)["a place at the border that carries a class"]
    assert found.details["gradients"][2, 0, 4] == pytest.approx(1)
    assert found.value == pytest.approx(0, abs=1e-6)


def test_a_place_that_all_classes_share_or_in_the_middle_is_no_finding():
    labels = np.repeat(np.arange(4), 6)
    pictures = RANDOM.uniform(0, 255, (24, 20, 20, 1)).astype(np.float32)
    shared = diagnose(watches([(1, 1), (2, 1), (1, 2), (2, 2)]), pictures, labels)
    middle = diagnose(watches([(9, 9), (5, 5), (14, 14), (9, 13)]), pictures, labels)
    for found in (shared, middle):
        assert found["a place at the border that carries a class"].value == pytest.approx(0, abs=1e-6)


def test_answers_that_flip_under_a_shift():
    pictures = np.full((24, 12, 12, 1), 9, np.float32)
    pictures[:6, 5, 6] = 200  # any shift takes it away from the pixel that is looked at
    pictures[6:9, 5, 5:] = 200  # only a shift up or down, or to the left at the edge's repeat: two of four are enough
    matrix = np.zeros((144, 2))
    matrix[12 * 5 + 6] = [0, 1]
    model = linear(matrix, (12, 12, 1), [100, 0], softmax=False)
    found = diagnose(model, pictures)["answers that flip under a shift"]
    assert found.value == pytest.approx(9 / 24)
    assert found.details["pictures"].tolist() == list(range(9))


def test_photos_have_a_range_of_their_own():
    pictures = np.full((20, 64, 64, 3), 9, np.float32)
    pictures[:10, 5, 6, 0] = 200  # each of the four shifts takes it away
    matrix = np.zeros((64 * 64 * 3, 2))
    matrix[3 * (64 * 5 + 6)] = [0, 1]
    found = diagnose(linear(matrix, (64, 64, 3), [100, 0], softmax=False), pictures)["answers that flip under a shift"]
    assert found.value == 0.5
    assert not found.unusual
    assert found.normal[1] == pytest.approx(0.4 + 3 * np.sqrt(0.4 * 0.6 / 20))
    assert found.measured_on == "SqueezeNet on 40 photos of the course"


# Neighbours


def blobs(count=40, seed=0):
    """Pictures of two pixels around three points, and which point."""
    rng = np.random.default_rng(seed)
    which = np.repeat(np.arange(3), count)
    points = np.array([[0, 0], [100, 0], [0, 100]])[which] + rng.normal(0, 3, (3 * count, 2))
    return points.reshape(-1, 1, 2, 1).astype(np.float32), which


BLOBS = linear([[-1, 1, -1], [-1, -1, 1]], (1, 2, 1), [50, 0, 0])


def test_labels_that_their_neighbours_contradict():
    pictures, right = blobs()
    labels, wrong = right.copy(), [3, 17, 50, 61, 100]
    labels[wrong] = (labels[wrong] + [1, 2, 1, 2, 1]) % 3
    found = diagnose(BLOBS, pictures, labels)["labels that neighbours contradict"]
    assert sorted(found.details["pictures"]) == wrong
    assert found.details["instead"].tolist() == right[found.details["pictures"]].tolist()
    assert found.value == pytest.approx(5 / 120)
    assert diagnose(BLOBS, pictures, right)["labels that neighbours contradict"].value == 0


def test_errors_and_their_neighbours_by_another_way():
    rng = np.random.default_rng(3)
    pictures, labels = rng.normal(0, 60, (90, 1, 2, 1)).astype(np.float32), rng.integers(0, 3, 90)
    tests, truth = rng.normal(0, 60, (40, 1, 2, 1)).astype(np.float32), rng.integers(0, 3, 40)
    answers = lambda x: (x.reshape(-1, 2) @ [[-1, 1, -1], [-1, -1, 1]] + [50, 0, 0]).argmax(axis=1)  # noqa: E731

    def by_hand(asked, real, own):
        shares = []
        for i, (picture, answer) in enumerate(zip(asked, answers(asked), strict=True)):
            if answer != real[i]:
                far = np.linalg.norm((pictures - picture).reshape(90, 2), axis=1)
                order = [j for j in np.argsort(far) if not (own and j == i)][:10]
                shares.append(np.mean([labels[j] not in (answer, real[i]) for j in order]))
        return np.mean(shares)

    alone = diagnose(BLOBS, pictures, labels)["errors away from borders"]
    both = diagnose(BLOBS, pictures, labels, test_pictures=tests, test_labels=truth)["errors away from borders"]
    assert alone.value == pytest.approx(by_hand(pictures, labels, own=True))
    assert both.value == pytest.approx(by_hand(tests, truth, own=False))


def test_errors_between_classes_that_cannot_fill_a_neighbourhood_are_left_out():
    rng = np.random.default_rng(3)
    pictures = rng.normal(0, 60, (150, 1, 2, 1)).astype(np.float32)
    labels = np.where(np.arange(150) < 10, 2, rng.integers(0, 2, 150))  # 10 of class 2, and many of the others
    answers = (pictures.reshape(-1, 2) @ [[-1, 1, -1], [-1, -1, 1]] + [50, 0, 0]).argmax(axis=1)
    judged = np.flatnonzero((answers != labels) & (answers < 2) & (labels < 2))
    found = diagnose(BLOBS, pictures, labels)["errors away from borders"]
    assert 10 <= len(judged) < (answers != labels).sum()
    assert found.details["pictures"].tolist() == judged.tolist()
    assert f"(mean of {len(judged)} wrong answers between classes of more than 10 pictures each)" in found.says


def test_errors_among_many_small_classes_are_not_judged():
    labels = np.arange(60) % 12  # 5 pictures of each: most neighbours cannot be of one of two classes
    pictures = RANDOM.normal(size=(60, 1, 12, 1)).astype(np.float32)
    found = diagnose(linear(np.eye(12), (1, 12, 1)), pictures, labels)["errors away from borders"]
    assert (found.value, found.unusual) == (None, False)
    assert found.says == "It needs 10 wrong answers between classes of more than 10 pictures each, and there are 0."


def test_a_test_of_another_kind_keeps_to_itself():
    pictures, tests = blobs(seed=0)[0], blobs(seed=1)[0]
    name = "test pictures apart from the others"
    alike, other = (diagnose(BLOBS, pictures, test_pictures=one)[name] for one in (tests, tests + 500))
    assert 0.4 < alike.value < 0.6
    assert not alike.unusual
    assert other.value == 1
    assert other.unusual


@pytest.mark.parametrize("side", [12, 80])
def test_copies_of_the_training_in_the_test(side):
    rng = np.random.default_rng(0)
    coarse = rng.uniform(0, 255, (60, 6, 6, 1))
    pictures = np.kron(coarse, np.ones((1, side // 6 + 1, side // 6 + 1, 1)))[:, :side, :side].astype(np.float32)
    training, tests = pictures[:40], pictures[40:].copy()
    tests[3] = training[7]
    tests[8] = training[1] + rng.normal(0, 10, training[1].shape)
    tests[11] = shift(training[20], down=1, right=-1)
    model = linear(np.zeros((side * side, 2)), (side, side, 1))
    found = diagnose(model, training, test_pictures=tests)["pictures in training and test"]
    assert found.details["test"].tolist() == [3, 8, 11]
    assert found.details["training"].tolist() == [7, 1, 20]
    assert found.value == pytest.approx(3 / 20)
    assert "2 of them to the pixel" in found.says


def test_the_accuracy_on_copies_is_told_apart():
    pictures, labels = blobs()
    tests, truth = blobs(10, seed=5)
    tests[0], truth[0] = pictures[0], labels[0]
    truth[1:] = (truth[1:] + 1) % 3
    found = diagnose(BLOBS, pictures, labels, test_pictures=tests, test_labels=truth)["pictures in training and test"]
    copies = len(found.details["test"])
    right = 1 / copies
    assert 0 in found.details["test"]
    assert f"Of the copies {right:.3f} are answered rightly, of the others 0.000." in found.says


# What cannot be measured, and what is refused


def test_what_cannot_be_measured_says_why():
    left, right = keras.Input((9, 9, 3)), keras.Input((9, 9, 3))
    scores = layers.Dense(3)(layers.GlobalAveragePooling2D()(layers.Subtract()([left, right])))
    pictures = RANDOM.uniform(0, 255, (30, 9, 9, 3))
    found = diagnose(keras.Model([left, right], scores), [pictures, pictures[::-1]], np.arange(30) % 3)
    missing = {one.name: one.says for one in found if one.value is None}
    assert missing["dead channels"].startswith("No ReLU among the layers of the graph, before its outputs, gives maps.")
    assert missing["twins among filters"].startswith("No convolution is among the layers of the graph.")
    assert missing["answers that flip under a shift"].startswith("The network takes 2 inputs")
    assert missing["saturated outputs"].startswith("The outputs are no probabilities that add up to 1")
    assert missing["pictures in training and test"].startswith("It needs test_pictures")
    assert all(one.normal is None and not one.unusual for one in found if one.value is None)
    assert {one.name for one in found} == set(MEASURES)


def test_sigmoids_are_no_classes_that_exclude_each_other():
    found = diagnose(network(layers.Flatten(), layers.Dense(2, activation="sigmoid")), NOISE)["saturated outputs"]
    assert found.says == (
        "The outputs are no probabilities that add up to 1: put a softmax behind them to measure this, if the classes "
        "exclude each other."
    )


def test_a_single_sigmoid_is_measured_as_a_softmax_of_two_classes():
    rng = np.random.default_rng(1)
    pictures, weights = rng.uniform(0, 255, (80, 6, 6, 1)).astype(np.float32), rng.normal(0, 0.1, 36)
    labels = ((pictures.reshape(80, 36) @ weights > 0) ^ (rng.random(80) < 0.3)).astype(int)
    tests, test_labels = pictures[:40] / 255, labels[:40]
    one = network(layers.Flatten(), layers.Dense(1, activation="sigmoid", name="score"), shape=(6, 6, 1),
                  score=[weights[:, np.newaxis], np.zeros(1)])  # fmt: skip
    two = linear(np.stack([np.zeros(36), weights], axis=1), (6, 6, 1))
    for given in ({}, {"test_pictures": tests, "test_labels": test_labels}):
        single, double = (diagnose(model, pictures, labels, **given) for model in (one, two))
        for found, expected in zip(single, double, strict=True):
            assert (found.name, found.unusual) == (expected.name, expected.unusual)
            assert (found.value is None) == (expected.value is None)
            assert found.value is None or found.value == pytest.approx(expected.value, rel=1e-3)
        assert single["sure and wrong"].value is not None
        assert single["inputs on another scale"].value is not None


def test_a_single_number_that_is_no_probability():
    found = diagnose(network(layers.Flatten(), layers.Dense(1)), NOISE, np.arange(24) % 2)
    for name in ("saturated outputs", "sure and wrong", "answers that flip under a shift"):
        assert found[name].says == (
            "The network gives a single number for a picture, and no probability: this is measured with one, or "
            "with a number for each class."
        )


def test_the_logarithm_of_a_probability_is_none():
    found = diagnose(network(layers.Flatten(), layers.Dense(1, activation="log_sigmoid")), NOISE, np.arange(24) % 2)
    assert found["answers that flip under a shift"].value is None


def test_errors_between_two_classes_have_no_other_neighbours():
    pictures, which = blobs()
    labels = 1 - (which > 0)
    found = diagnose(BLOBS, pictures, labels)["errors away from borders"]
    assert found.says == "It needs three classes: of two, each neighbour is of the own or the answered one."


def test_a_measure_that_fails_leaves_the_others():
    picture = keras.Input((12, 12, 1))
    scores = layers.Dense(3, activation="softmax", name="scores")(layers.Flatten()(keras.ops.round(picture)))
    found = diagnose(keras.Model(picture, scores), NOISE, np.arange(24) % 3)
    failed = found["a place at the border that carries a class"]
    assert (failed.value, failed.unusual) == (None, False)
    assert failed.says.startswith("No gradient leads from scores back to the picture")
    assert found["saturated outputs"].value is not None
    assert {one.name for one in found} == set(MEASURES)
    assert not found.interrupted


def test_without_labels_what_needs_them_is_not_measured():
    found = diagnose(BLOBS, blobs()[0])
    assert found["saturated outputs"].value is not None
    for name in ("inputs on another scale", "sure and wrong", "errors away from borders",
                 "labels that neighbours contradict"):  # fmt: skip
        assert found[name].says == "It needs labels: the class of each picture."


@pytest.mark.parametrize(("labels", "error", "words"), [
    ([0.5] * 120, TypeError, "labels must hold the index of each picture's class, whole numbers, not float64"),
    ([0, 1], ValueError, r"labels must be one class for each of the 120 pictures, not \(2,\)"),
    ([3] * 120, ValueError, "labels must be from 0 to 2, and hold 3 to 3"),
    ([-1] * 120, ValueError, "labels must be from 0 to 2, and hold -1 to -1"),
])  # fmt: skip
def test_labels_that_do_not_fit_are_refused(labels, error, words):
    with pytest.raises(error, match=words):
        diagnose(BLOBS, blobs()[0], labels)


def test_labels_of_a_test_that_is_not_there_are_refused():
    with pytest.raises(ValueError, match="There are test_labels but no test_pictures"):
        diagnose(BLOBS, blobs()[0], test_labels=[1])


def test_interrupted_it_gives_what_it_has():
    with mock.patch.object(diagnosis_answers, "input_scale", side_effect=KeyboardInterrupt):
        found = diagnose(maps_only([[[[1, -1]]]], np.zeros(2)), NOISE)
    assert found["dead channels"].value == 0.5
    assert found["inputs on another scale"].says == "It was interrupted before this was measured."
    assert found.interrupted
    assert {one.name for one in found} == set(MEASURES)


# The table


def test_every_finding_names_a_lesson_that_there_is():
    lessons = {file.stem for file in (Path(__file__).parents[2] / "notebooks").glob("*.ipynb")}
    assert {measure.lesson for measure in MEASURES.values()} <= lessons


def test_a_range_is_wider_for_few_pictures():
    low, high = MEASURES["answers that flip under a shift"].normal
    assert widened("answers that flip under a shift", 1000) == (low, high)
    few = widened("answers that flip under a shift", 25)
    assert few[1] == pytest.approx(high + 3 * np.sqrt(high * (1 - high) / 25))


def test_a_finding_is_unusual_outside_of_its_range_only():
    _, high = MEASURES["saturated outputs"].normal
    inside, outside = (finding("saturated outputs", high + more, "It is so.", "Do this.") for more in (0, 1e-6))
    assert (inside.unusual, inside.says) == (False, "It is so.")
    assert (outside.unusual, outside.says) == (True, "It is so. Do this.")


def test_the_table_can_be_read_and_asked():
    found = diagnose(maps_only([[[[1, -1]]]], np.zeros(2)), NOISE)
    assert found.findings[0].unusual
    assert next(iter(found)) is found["dead channels"]
    assert len(found) == len(MEASURES)
    text = repr(found)
    assert text.startswith(f"{len(found)} things looked for: {len(found.unusual)} unusual, ")
    assert re.search(r"^! dead channels +0.5 share of the layer's channels in 'first' \(normal 0 to ", text, re.M)
    page = found._repr_html_()
    assert page.count("<tr>") == len(found) + 1
    assert page.count('scope="row"') == len(found)
    assert "<caption>" in page
    assert "&#x27;first&#x27;" in page
    with pytest.raises(KeyError, match="There is no finding 'dead'"):
        found["dead"]
