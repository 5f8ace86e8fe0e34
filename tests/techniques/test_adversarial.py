import io

import numpy as np
import pytest
from PIL import Image

from coursekit import channel, fgsm, fool, pgd
from coursekit.networks.backend import keras, tf
from coursekit.techniques.adversarial import pgd_stages
from tests.techniques.ascents import assert_unchanged, everything_about

layers = keras.layers
PICTURES = np.random.default_rng(1).integers(0, 256, (3, 4, 5, 3)).astype(np.uint8)
STEPS = {"budget": 6, "steps": 7, "step": 1.7, "progress": False}


def linear(weights, biases=None):
    """Scores (classes,) of three pixels: no softmax."""
    weights = np.float32(weights)
    model = keras.Sequential([keras.Input((1, 3, 1)), layers.Flatten(), layers.Dense(len(weights), name="scores")])
    model.set_weights([weights.T, np.zeros(len(weights)) if biases is None else np.float32(biases)])
    return model


def row(*values):
    return np.float32(values).reshape(1, 3, 1)


@pytest.fixture(scope="module")
def two():
    """Uphill to class 1 is (-1, 3, 3), wherever it begins."""
    return linear([(1, -2, 0), (0, 1, 3)])


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input((4, 5, 3)),
            layers.Rescaling(1 / 127.5, offset=-1),
            layers.Conv2D(8, 2, activation="tanh"),
            layers.Flatten(),
            layers.Dense(5, name="scores"),
            layers.Softmax(name="prob"),
        ]
    )


def by_the_book(model, pictures, classes, sign, norm, budget, step, steps):
    """Projected gradient descent on Keras's cross-entropy."""
    to_scores = keras.Model(model.inputs, model.get_layer("scores").output)
    first = x = np.float64(pictures)
    for _ in range(steps):
        with tf.GradientTape() as tape:
            seen = tf.constant(x, tf.float32)
            tape.watch(seen)
            losses = keras.losses.sparse_categorical_crossentropy(classes, to_scores(seen), from_logits=True)
        slope = -np.float64(tape.gradient(losses, seen))
        if norm == "linf":
            x = np.clip(x + sign * step * np.sign(slope), first - budget, first + budget)
        else:
            change = (
                x - first + sign * step * slope / np.linalg.norm(slope.reshape(len(x), -1), axis=1).reshape(-1, 1, 1, 1)
            )
            length = np.linalg.norm(change.reshape(len(x), -1), axis=1).reshape(-1, 1, 1, 1)
            x = first + change * np.minimum(1, budget / length)
        x = np.clip(x, 0, 255)
    return x


class TestByHand:
    def test_the_sign_step(self, two):
        found = fgsm(two, row(100, 254, 10), 1, budget=4)
        np.testing.assert_array_equal(found.images, row(96, 255, 14))  # 258 is none
        np.testing.assert_array_equal(found.change, row(-4, 1, 4))
        scores = [[100 - 508, 254 + 30], [96 - 510, 255 + 42]]
        expected = np.exp(np.float64(scores) - np.max(scores, axis=1, keepdims=True))
        np.testing.assert_allclose(found.path, expected / expected.sum(axis=1, keepdims=True), atol=1e-6)
        assert found.classes == 1
        assert found.fooled

    def test_away(self, two):
        for given, change in ((1, (4, -4, -4)), (0, (-4, 4, 4)), (None, (4, -4, -4))):  # it says 1
            found = fgsm(two, row(100, 100, 100), given, targeted=False, budget=4)
            np.testing.assert_array_equal(found.change, row(*change))
            assert bool(found.fooled) == (given == 0)  # it says 1 afterwards, too

    def test_a_pixel_that_does_not_count_stays(self):
        found = fgsm(linear([(1, 0, -1), (2, 0, 1)]), row(100, 100, 100), 1, budget=3)
        np.testing.assert_array_equal(found.change, row(3, 0, 3))

    def test_the_step_along_the_gradient(self, two):
        found = fgsm(two, row(100, 100, 100), 1, budget=6, norm="l2")
        np.testing.assert_allclose(found.change, row(-1, 3, 3) * 6 / np.sqrt(19), rtol=1e-5)

    def test_the_projection(self, two):
        found = pgd(two, row(100, 253.5, 1), 1, budget=5, step=2, steps=4)
        np.testing.assert_array_equal(found.change, row(-5, 1.5, 5))
        found = pgd(two, row(100, 100, 1), 0, budget=5, step=2, steps=4, norm="l2")
        # Each step ends on the sphere or in it, and where black is reached the last value goes no further.
        change, uphill = np.zeros(3), np.array([1, -3, -3]) / np.sqrt(19)
        for _ in range(4):
            change = change + 2 * uphill
            change *= min(1, 5 / np.linalg.norm(change))
            change[2] = max(change[2], -1)
        np.testing.assert_allclose(found.change.ravel(), change, rtol=1e-5)

    def test_the_other_classes_count_by_their_share(self):
        """Of the others, with scores 0 and log 3, the second has three quarters."""
        three = linear([(0, 0, 0), (1, 0, 0), (0, 0, 1)], biases=(50, -100, -100 + np.log(3)))
        found = fgsm(three, row(100, 100, 100), 0, budget=1, norm="l2")
        np.testing.assert_allclose(found.change, row(-1, 0, -3) / np.sqrt(10), rtol=1e-4)

    def test_a_class_that_is_certain_has_a_gradient(self):
        sure = linear([(1, -2, 0), (0, 1, 3)], biases=(1e4, 0))
        found = fgsm(sure, row(100, 100, 100), targeted=False, budget=1)
        assert found.path[0, 0] == 1
        np.testing.assert_array_equal(found.change, row(-1, 1, 1))

    def test_a_class_that_is_nowhere_has_a_gradient(self):
        """Its ReLU is shut at every place, as that of most classes in SqueezeNet."""
        shut = keras.Sequential(
            [
                keras.Input((1, 3, 2)),
                layers.Conv2D(2, 1, activation="relu", name="scores"),
                layers.GlobalAveragePooling2D(),
                layers.Softmax(),
            ]
        )
        shut.set_weights([np.float32([[[[1, 1], [1, -5]]]]), np.float32([0, -100])])
        found = fgsm(shut, np.full((1, 3, 2), 100), 1, budget=2)
        np.testing.assert_array_equal(found.change, [[[0, -2]] * 3])


class TestAgainstTheBook:
    @pytest.mark.parametrize("norm", ["linf", "l2"])
    @pytest.mark.parametrize("targeted", [True, False])
    def test_pgd(self, norm, targeted, model):
        classes = np.array([4, 0, 2])
        expected = by_the_book(model, PICTURES, classes, 1 if targeted else -1, norm, budget=6, step=1.7, steps=7)
        found = pgd(model, PICTURES, classes.tolist(), targeted, norm=norm, **STEPS)
        np.testing.assert_allclose(found.images, expected, atol=2e-3)
        np.testing.assert_allclose(found.change, found.images - PICTURES)
        assert found.change.max() > 1
        assert (found.path.shape, found.path.dtype) == ((3, 8, 5), np.float32)
        np.testing.assert_allclose(found.path[:, 0], model(np.float32(PICTURES)), rtol=1e-4)
        np.testing.assert_allclose(found.path[:, -1], model(found.images), rtol=1e-4)
        own = found.path[np.arange(3), :, classes]
        assert (own[:, -1] > own[:, 0]).all() if targeted else (own[:, -1] < own[:, 0]).all()
        top = found.path[:, -1].argmax(axis=1)
        np.testing.assert_array_equal(found.fooled, top == classes if targeted else top != classes)


class TestBounds:
    @pytest.mark.parametrize("whole", [True, False])
    @pytest.mark.parametrize(("norm", "budget"), [("linf", 3), ("linf", 2.6), ("l2", 12.5), ("l2", 0.9), ("linf", 0)])
    def test_budget_and_range(self, norm, budget, whole, model):
        dark_and_bright = np.where(PICTURES > 127, 255, 0).astype(np.uint8)
        for pictures in (PICTURES, dark_and_bright):
            found = pgd(model, pictures, 3, budget=budget, norm=norm, steps=9, whole=whole, progress=False)
            assert found.images.min() >= 0
            assert found.images.max() <= 255
            assert found.images.dtype == (np.uint8 if whole else np.float32)
            flat = np.float64(found.images).reshape(3, -1) - pictures.reshape(3, -1)
            sizes = np.abs(flat).max(axis=1) if norm == "linf" else np.linalg.norm(flat, axis=1)
            assert (sizes <= (budget if whole else budget * (1 + 1e-5))).all()
            if pictures is PICTURES:
                reached = np.floor(budget) if whole and norm == "linf" else budget * (0.8 if whole else 1 - 1e-5)
                assert (sizes >= reached).all() or budget == 0.9  # below 1 nothing whole can move

    def test_whole_levels_go_through_a_png_and_the_path_is_theirs(self, model):
        found = pgd(model, PICTURES, [1, 2, 3], budget=5, step=0.4, steps=20, whole=True, progress=False)
        assert np.abs(found.change).max() == 5  # steps below half a level add up
        for picture, path in zip(found.images, found.path, strict=True):
            file = io.BytesIO()
            Image.fromarray(picture).save(file, "PNG")
            again = np.asarray(Image.open(file))
            np.testing.assert_array_equal(again, picture)
            np.testing.assert_allclose(model(np.float32(again)[np.newaxis])[0], path[-1], rtol=1e-4)

    def test_a_whole_step_from_a_whole_picture_needs_no_rounding(self, model):
        how = {"budget": 3, "step": 1, "steps": 5, "progress": False}
        plain, whole = (pgd(model, PICTURES, 3, whole=whole, **how) for whole in (False, True))
        np.testing.assert_array_equal(plain.images, whole.images)


class TestBatches:
    @pytest.mark.parametrize("norm", ["linf", "l2"])
    def test_alone_and_in_batches(self, norm, model):
        together = pgd(model, PICTURES, [0, 1, 2], norm=norm, **STEPS)
        pairs = pgd(model, PICTURES, [0, 1, 2], norm=norm, batch_size=2, **STEPS)
        np.testing.assert_allclose(pairs.images, together.images, atol=1e-3)
        for number in range(3):
            alone = pgd(model, PICTURES[number], number, norm=norm, **STEPS)
            assert alone.images.shape == (4, 5, 3)
            assert alone.path.shape == (8, 5)
            assert alone.classes == number
            np.testing.assert_allclose(alone.images, together.images[number], atol=1e-3)
            np.testing.assert_allclose(alone.path, together.path[number], rtol=1e-3, atol=1e-6)

    def test_several_classes_of_one_picture(self, model):
        several = pgd(model, PICTURES[0], [0, 3], **STEPS)
        for number, label in enumerate((0, 3)):
            one = pgd(model, PICTURES[0], label, **STEPS)
            np.testing.assert_allclose(several.images[number], one.images, atol=1e-3)

    def test_nothing_is_changed(self, model):
        before, pictures = everything_about(model), PICTURES.astype(np.float32)
        pgd(model, pictures, 0, **STEPS)
        np.testing.assert_array_equal(pictures, PICTURES)
        assert_unchanged(model, before)


class TestStages:
    def test_they_are_those_of_pgd(self, model):
        found = pgd(model, PICTURES[1], 2, budget=3, step=1, steps=5, whole=True, progress=False)
        stages = list(pgd_stages(model, PICTURES[1], 2, 3, 1, 5))
        assert len(stages) == 6
        np.testing.assert_array_equal(stages[0][0], PICTURES[1])
        np.testing.assert_array_equal(stages[-1][0], found.images)
        assert stages[3][0].dtype == np.uint8
        for k, (picture, probabilities) in enumerate(stages):
            np.testing.assert_allclose(probabilities, found.path[k], rtol=1e-5)
            np.testing.assert_allclose(probabilities, model(np.float32(picture)[np.newaxis])[0], rtol=1e-4)
            assert np.abs(picture.astype(int) - PICTURES[1]).max() == min(k, 3)


class TestFool:
    def test_it_stops_where_the_network_is_sure(self, model):
        found = fool(model, PICTURES, [0, 1, 2], step=1, steps=200, until=0.9, progress=False)
        own = found.path[np.arange(3), :, np.arange(3)]
        assert found.fooled.all()
        assert found.path.shape[1] < 201
        first = (own >= 0.9).argmax(axis=1)
        assert len(set(first)) > 1  # one is sure before the other
        assert first.max() == found.path.shape[1] - 1
        for number in range(3):
            assert (own[number, : first[number]] < 0.9).all()
            np.testing.assert_allclose(own[number, first[number] :], own[number, first[number]], rtol=1e-5)
            alone = fool(model, PICTURES[number], number, step=1, steps=200, until=0.9, progress=False)
            assert len(alone.path) == first[number] + 1
            np.testing.assert_allclose(alone.images, found.images[number], atol=1e-2)

    def test_the_length_of_a_step(self, two):
        found = fool(two, row(100, 100, 100), 0, steps=1, step=2, until=1)
        np.testing.assert_allclose(found.change, row(1, -3, -3) * 2 * np.sqrt(3 / 19), rtol=1e-5)

    def test_a_picture_that_is_there_already(self, model):
        top = int(model(np.float32(PICTURES[:1])).numpy().argmax())
        found = fool(model, PICTURES[0], top, until=0)
        assert (found.change == 0).all()
        assert found.path.shape == (1, 5)

    def test_from_nothing(self, model):
        grey = fool(model, "grey", 2, steps=3)
        np.testing.assert_allclose(grey.images - grey.change, 127.5, atol=1e-4)
        noise, same, other = (fool(model, "noise", 2, steps=3, seed=seed) for seed in (0, 0, 1))
        np.testing.assert_array_equal(noise.images, same.images)
        assert np.abs(noise.images - other.images).mean() > 1
        whole = fool(model, "noise", [0, 1], steps=3, whole=True)
        assert (whole.images.shape, whole.images.dtype) == ((2, 4, 5, 3), np.uint8)

    def test_of_any_size(self):
        keras.utils.set_random_seed(0)
        x = keras.Input((None, None, 3))
        scores = layers.Dense(3)(layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(x)))
        found = fool(keras.Model(x, scores), "black", 1, steps=2, size=(6, 9))
        assert found.images.shape == (6, 9, 3)


class TestWrongArguments:
    @pytest.mark.parametrize(
        ("how", "error", "words"),
        [
            ({"norm": "l3"}, ValueError, "There is no norm 'l3'. Did you mean 'l2'"),
            ({"target": None}, ValueError, "To which class\\? Give target; or targeted=False"),
            ({"target": 5}, ValueError, "There is no class 5: there are 5"),
            ({"target": [0, 1]}, ValueError, "There are 2 targets but 3 pictures: give one for all, or one for each"),
            ({"budget": -1}, ValueError, "budget must be a number, 0 or more"),
            ({"steps": 0}, ValueError, "steps must be at least 1"),
            ({"images": PICTURES - 2.0}, ValueError, "images must have values from 0 to 255, not from -1 to"),
            ({"images": PICTURES / 255, "whole": True}, ValueError, "images must hold whole grey levels .*: round"),
            ({"images": PICTURES[:, :3]}, ValueError, "4 x 5"),
        ],
    )
    def test_pgd(self, how, error, words, model):
        with pytest.raises(error, match=words):
            pgd(model, **{"images": PICTURES, "target": 0, **how})

    def test_units_are_no_classes(self, model):
        with pytest.raises(TypeError, match="a picture is taken for a class, not for a unit"):
            pgd(model, PICTURES, channel(model, "scores", 0))

    def test_fool(self, model):
        with pytest.raises(ValueError, match="There is no start 'gray'"):
            fool(model, "gray", 0)
        with pytest.raises(ValueError, match="fool leads to a class"):
            fool(model, "grey", None)
        with pytest.raises(ValueError, match="until must be a number, 0 or more and at most 1"):
            fool(model, "grey", 0, until=2)

    def test_nan(self):
        x = keras.Input((4, 5, 3))
        root = layers.Lambda(lambda x: keras.ops.sqrt(x - 90), output_shape=(4, 5, 3))(x)
        with pytest.raises(ValueError, match="The network gives NaN or infinity for a picture"):
            pgd(keras.Model(x, layers.Dense(2)(layers.Flatten()(root))), PICTURES, 0, **STEPS)

    def test_networks(self):
        one = linear([(1, 2, 3)])
        with pytest.raises(ValueError, match="This network has one class"):
            fgsm(one, row(1, 2, 3), 0)
        x = keras.Input((1, 3, 1), dtype="uint8")
        whole = keras.Model(x, layers.Dense(2)(layers.Flatten()(layers.Rescaling(1.0)(x))))
        with pytest.raises(ValueError, match="whole numbers have no gradient"):
            fgsm(whole, np.zeros((1, 3, 1)), 0)
