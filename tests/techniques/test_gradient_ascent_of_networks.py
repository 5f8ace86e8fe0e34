import numpy as np
import pytest

from coursekit import activations, channel, class_score, maximize, photos, squeezenet
from coursekit.networks.backend import keras
from tests.techniques.ascents import QUICK, STILL, assert_unchanged, everything_about, start_of, toy

layers = keras.layers


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float64"])
def test_networks_of_another_precision(policy):
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Rescaling(1 / 255, dtype=policy),
            layers.Conv2D(4, 3, dtype=policy, name="conv"),
        ]
    )
    found = maximize(channel(model, "conv", 1), **QUICK)
    assert found.images.dtype == found.scores.dtype == found.trace.dtype == np.float32
    assert found.scores > start_of(channel(model, "conv", 1), **QUICK)


def sequential():
    return toy((64, 64, 3)), "deep"


def transfer():
    """A whole network as one layer, with a new end."""
    body = keras.applications.MobileNetV3Small((64, 64, 3), weights=None, include_top=False, name="body")
    x = keras.Input((64, 64, 3))
    h = layers.GlobalAveragePooling2D()(body(layers.RandomFlip()(x), training=False))
    return keras.Model(
        x, layers.Dense(7, activation="softmax")(layers.Dropout(0.2)(h))
    ), "body/expanded_conv_1_expand_bn"


def application(name, layer):
    def make():
        return getattr(keras.applications, name)(weights=None, input_shape=(64, 64, 3), classes=10), layer

    return make


FAMILIES = {
    "Sequential": sequential,
    "transfer": transfer,
    "MobileNetV2": application("MobileNetV2", "block_3_expand_relu"),
    "EfficientNetB0": application("EfficientNetB0", "block3a_expand_activation"),
}


@pytest.mark.parametrize("make", FAMILIES.values(), ids=FAMILIES)
def test_families_with_random_weights(make):
    keras.utils.set_random_seed(0)
    model, layer = make()
    before = everything_about(model)
    objectives = [channel(model, layer, 1), channel(model, layer, 2), class_score(model, 3)]
    start = start_of(objectives, **STILL)
    found = [maximize(objectives, 12, **STILL)]
    assert (found[0].scores > start + 0.02 * np.abs(start)).all()
    if make in (sequential, transfer):  # views are made before any network: two show it, as each takes seconds
        found.append(maximize(objectives, 12, shift=0, progress=False))  # turned and scaled
        assert np.abs(found[1].images - found[0].images).mean() > 1
    for result in found:
        assert result.images.shape == (3, 64, 64, 3)
        assert 0 <= result.images.min() < result.images.max() <= 255
        assert np.isfinite(result.trace).all()
    assert_unchanged(model, before)


def test_squeezenet_s_pictures_excite_more_than_any_photo():
    """The defaults, but for fewer steps and channels."""
    network, layer = squeezenet(), "fire6-squeeze1x1"
    chosen = range(0, 48, 12)
    of_photos = activations(network, photos()[0], layer).mean((1, 2))
    found = maximize([channel(network, layer, index) for index in chosen], steps=32, progress=False)
    of_pictures = activations(network, found.images, layer).mean((1, 2))
    np.testing.assert_allclose(of_pictures[range(4), chosen], found.scores, rtol=1e-3)
    assert (found.scores > of_photos[:, chosen].max(0)).all()


STILL_PIXELS = {**STILL, "steps": 8, "parametrization": "pixels"}


class TestNumbersThatAreNotFinite:
    @pytest.fixture
    def root(self):
        """The square root of 100 - the mean of the picture: NaN for a brighter one."""
        x = keras.Input((8, 8, 3))
        return keras.Model(x, layers.Activation("linear", name="root")(keras.ops.sqrt(100 - keras.ops.mean(x, (1, 2)))))

    def test_a_picture_whose_objective_is_nan_stays_and_the_others_go_on(self, root):
        start = np.stack([np.full((8, 8, 3), 50.0), np.full((8, 8, 3), 150.0)])
        with pytest.warns(UserWarning, match=r"root 0 \(from step 1\): the objective or its gradient was no finite"):
            found = maximize([channel(root, "root", 0)] * 2, start=start, **STILL_PIXELS)
        alone = maximize(channel(root, "root", 0), start=start[0], **STILL_PIXELS)
        np.testing.assert_array_equal(found.images[0], alone.images[0])
        assert found.images[0].mean() < 50
        np.testing.assert_allclose(found.images[1], 150, atol=1e-3)

    def test_a_picture_that_comes_to_it_later_stops_there(self, root):
        with pytest.warns(UserWarning, match=r"root 0 \(from step [2-8]\)"):
            found = maximize(-channel(root, "root", 0), start=np.full((8, 8, 3), 99.0), **STILL_PIXELS)
        assert np.isfinite(found.images).all()
        assert found.images[..., 0].mean() > 99

    def test_nothing_but_nan_is_an_error(self, root):
        with pytest.raises(ValueError, match=r"Nothing can be drawn: root 0 \(from step 1\)"):
            maximize(channel(root, "root", 0), start=np.full((8, 8, 3), 150.0), **STILL_PIXELS)

    def test_overflow_in_half_precision(self):
        x = keras.Input((8, 8, 3))
        kernel = keras.initializers.Constant(2.0)  # 2 * 192 * 170.6 is the largest number that half precision holds
        h = layers.Conv2D(2, 8, kernel_initializer=kernel, dtype="float16", name="half")(x)
        model = keras.Model(x, layers.Flatten(dtype="float32", name="wide")(h))
        with pytest.warns(UserWarning, match="half precision ends at 65,504"):
            found = maximize(channel(model, "wide", 0), start=np.full((8, 8, 3), 170.0), **STILL_PIXELS)
        assert np.isfinite(found.images).all()
        assert 170 < found.images.mean() < 255


def test_whole_numbers_have_no_gradient():
    model = keras.Sequential(
        [keras.Input((8, 8, 3), dtype="uint8"), layers.Rescaling(1 / 255), layers.Conv2D(2, 3, name="conv")]
    )
    with pytest.raises(ValueError, match=r"^This network takes uint8, and whole numbers have no gradient"):
        maximize(channel(model, "conv", 0), steps=1)
