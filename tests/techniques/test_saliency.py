import numpy as np
import pytest

from coursekit import channel, class_score, direction, neuron, saliency
from coursekit.networks.backend import keras

layers = keras.layers
PICTURES = np.random.default_rng(1).uniform(50, 200, (3, 4, 5, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input((4, 5, 3)),
            layers.Rescaling(1 / 127.5, offset=-1),
            layers.Conv2D(4, 2, activation="tanh", name="first"),
            layers.Conv2D(6, 2, activation="softplus", name="second"),
            layers.GlobalAveragePooling2D(name="pool"),
            layers.Dense(5, activation="softmax", name="prob"),
        ]
    )


def by_differences(objective, picture, step=2.0):
    """Return the gradient at one picture, by central differences."""
    steps = step * np.eye(picture.size, dtype=np.float32).reshape(-1, *picture.shape)
    ahead, behind = (np.float64(objective(picture + sign * steps)) for sign in (1, -1))
    return ((ahead - behind) / (2 * step)).reshape(picture.shape)


TARGETS = {
    "channel": lambda m: channel(m, "second", 3),
    "channel before its tanh": lambda m: channel(m, "first", 1, pre_activation=True),
    "channel of pooled": lambda m: channel(m, "pool", 3),
    "neuron": lambda m: neuron(m, "second", 2, (0, 2)),
    "direction in the centre": lambda m: direction(m, "first", [1, -1, 2, 0.5], "centre"),
    "class": lambda m: class_score(m, 2),
    "sum": lambda m: 2 * class_score(m, 2) - 3 * neuron(m, "first", 0),
}


class TestValues:
    @pytest.mark.parametrize("make", TARGETS.values(), ids=TARGETS)
    def test_against_finite_differences(self, make, model):
        target = make(model)
        found = saliency(model, PICTURES, target)
        assert (found.shape, found.dtype) == (PICTURES.shape, np.float32)
        expected = np.stack([by_differences(target, picture) for picture in PICTURES])
        assert np.abs(expected).max() > 1e-5
        assert (expected < 0).any()  # the sign is kept
        assert (expected > 0).any()
        np.testing.assert_allclose(found, expected, rtol=5e-3, atol=2e-3 * np.abs(expected).max())

    def test_by_hand(self):
        """Of a linear network the gradient is the weights, whatever the picture."""
        linear = keras.Sequential([keras.Input((2, 2, 3)), layers.Flatten(), layers.Dense(4, name="scores")])
        weights = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)
        linear.set_weights([weights, np.zeros(4)])
        for picture in (np.zeros((2, 2, 3)), np.full((2, 2, 3), 255, np.uint8)):
            np.testing.assert_array_equal(saliency(linear, picture, 3), weights[:, 3].reshape(2, 2, 3))

    def test_a_neuron_sees_its_receptive_field_only(self, model):
        found = saliency(model, PICTURES[0], neuron(model, "first", 0, (1, 2)))
        inside = np.zeros((4, 5), bool)
        inside[1:3, 2:4] = True
        assert (found[inside] != 0).all()
        assert (found[~inside] == 0).all()


class TestPicturesAndTargets:
    def test_alone_and_in_batches(self, model):
        target = class_score(model, 1)
        together = saliency(model, PICTURES, target)
        np.testing.assert_allclose(saliency(model, PICTURES, target, batch_size=2), together, rtol=1e-5, atol=1e-9)
        alone = saliency(model, PICTURES[2], target)
        assert alone.shape == (4, 5, 3)
        np.testing.assert_allclose(alone, together[2], rtol=1e-5, atol=1e-9)

    def test_a_class_by_its_index(self, model):
        np.testing.assert_array_equal(saliency(model, PICTURES, 4), saliency(model, PICTURES, class_score(model, 4)))

    def test_one_target_for_each_picture(self, model):
        targets = [neuron(model, "first", 0), 4, channel(model, "second", 1) + class_score(model, 0)]
        found = saliency(model, PICTURES, targets, batch_size=2)
        for picture, target, one in zip(PICTURES, targets, found, strict=True):
            np.testing.assert_allclose(one, saliency(model, picture, target), rtol=1e-4, atol=1e-8)
        np.testing.assert_array_equal(saliency(model, PICTURES, np.array([2, 2, 2])), saliency(model, PICTURES, 2))

    def test_another_class_compiles_nothing(self, model):
        saliency(model, PICTURES, 0)
        before = list(model.__dict__["_coursekit_kept"])
        saliency(model, PICTURES[:2], [3, 1])
        assert sorted(model.__dict__["_coursekit_kept"]) == sorted(before)

    def test_pictures_of_any_size(self):
        x = keras.Input((None, None, 3))
        free = keras.Model(x, layers.Activation("linear", name="same")(x))
        far = neuron(free, "same", 2, (3, 4))
        expected = np.zeros((4, 5, 3))
        expected[3, 4, 2] = 1
        np.testing.assert_array_equal(saliency(free, PICTURES[0], far), expected)
        with pytest.raises(ValueError, match=r"In these pictures, 'same' has 4 x 3 positions: \(3, 4\) is outside"):
            saliency(free, PICTURES[:, :, :3], far)

    def test_several_inputs(self):
        a, b = keras.Input((2, 2, 3), name="a"), keras.Input((2, 2, 3), name="b")
        ends = [layers.Multiply(name="product")([a, b]), layers.Activation("tanh", name="bent")(b)]
        both = keras.Model([a, b], ends)
        one, two = np.random.default_rng(0).uniform(0, 9, (2, 2, 2, 3)).astype(np.float32)
        to_a, to_b = saliency(both, [one, two], channel(both, "product", 0))
        np.testing.assert_allclose(to_a[..., 0], two[..., 0] / 4, rtol=1e-6)
        np.testing.assert_allclose(to_b[..., 0], one[..., 0] / 4, rtol=1e-6)
        to_a, _ = saliency(both, [one, two], channel(both, "bent", 0))
        assert to_a.shape == (2, 2, 3)
        assert (to_a == 0).all()

    @pytest.mark.parametrize("dtype", ["float16", "float64"])
    def test_inputs_of_another_type(self, dtype):
        x = keras.Input((4, 5, 3), dtype=dtype)
        other = keras.Model(x, layers.Rescaling(0.5, dtype=dtype, name="half")(x))
        found = saliency(other, PICTURES, channel(other, "half", 1))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found[..., 1], 0.5 / 20, rtol=1e-3)


class TestWrongArguments:
    @pytest.mark.parametrize(
        ("target", "error", "words"),
        [
            (5, ValueError, "There is no class 5: there are 5"),
            ("tabby", ValueError, "This network has 5 classes"),
            ([None], TypeError, "class must be a whole number from 0 to 4, not None"),
            ([], ValueError, "There is no objective: give at least one"),
            ([0, 1], ValueError, "There are 2 objectives but 3 pictures: give one for all, or one for each"),
        ],
    )
    def test_target(self, target, error, words, model):
        with pytest.raises(error, match=words):
            saliency(model, PICTURES, target)

    def test_objective_of_another_model(self, model):
        other = keras.models.clone_model(model)
        with pytest.raises(ValueError, match="The objective 'class 2' reads another model"):
            saliency(model, PICTURES, class_score(other, 2))

    def test_whole_numbers_have_no_gradient(self):
        x = keras.Input((4, 5, 3), dtype="uint8")
        whole = keras.Model(x, layers.Rescaling(1.0, name="scaled")(x))
        with pytest.raises(ValueError, match="This network takes uint8, and whole numbers have no gradient"):
            saliency(whole, PICTURES.astype(np.uint8), channel(whole, "scaled", 0))

    def test_pictures_that_are_too_small(self):
        x = keras.Input((None, None, 3))
        free = keras.Model(x, layers.Conv2D(2, 9, name="wide")(x))
        objective = channel(free, "wide", 0)
        for compute in (objective, lambda images: saliency(free, images, objective)):
            with pytest.raises(ValueError, match="cannot compute 'wide' for inputs of 4 x 5 x 3"):
                compute(PICTURES)

    def test_batch_size(self, model):
        with pytest.raises(ValueError, match="batch_size must be at least 1"):
            saliency(model, PICTURES, 0, batch_size=0)
