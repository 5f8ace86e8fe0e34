"""Losses of a style transfer by plain Keras and NumPy, its gradient by differences, and what each argument does."""

import numpy as np
import pytest

from coursekit import transfer_style
from coursekit.networks.backend import keras, tf
from coursekit.pictures.fitting import luminance
from coursekit.techniques.optimization import compiled_scores
from coursekit.techniques.style import in_grey, recoloured, style_aim, style_losses, transfer_stages
from tests.techniques.ascents import assert_unchanged, everything_about, interrupts_itself

layers = keras.layers
RANDOM = np.random.default_rng(0)
CONTENT = RANDOM.uniform(20, 235, (12, 15, 3)).astype(np.float32)
STYLE = (np.arange(20 * 18 * 3).reshape(20, 18, 3) * 7 % 256).astype(np.float32)
HOW = {"content_layer": "deep", "style_layers": {"conv": 3, "deep": 1}, "progress": False}
STILL = {**HOW, "total_variation": 0}


def convolutions(activation="relu"):
    keras.utils.set_random_seed(0)
    x = keras.Input((None, None, 3))
    conv = layers.Conv2D(5, 3, activation=activation, name="conv")(layers.Rescaling(1 / 127.5, offset=-1)(x))
    return keras.Model(x, layers.Conv2D(4, 3, 2, activation=activation, name="deep")(conv))


@pytest.fixture(scope="module")
def model():
    return convolutions()


def by_hand(model, picture, content=CONTENT, style=STYLE):
    """Return both losses in float64; of the style, "conv" counts three times as much as "deep"."""

    def of(one, name):
        return np.float64(keras.Model(model.input, model.get_layer(name).output)(one[np.newaxis]))[0]

    def gram(one, name):
        flat = of(one, name).reshape(-1, of(one, name).shape[-1])
        return flat.T @ flat / flat.size

    def missed(have, want):
        return ((have - want) ** 2).sum() / (want**2).sum()

    of_style = [missed(gram(picture, name), gram(style, name)) for name in ("conv", "deep")]
    return missed(of(picture, "deep"), of(content, "deep")), 0.75 * of_style[0] + 0.25 * of_style[1]


class TestLosses:
    def test_of_the_picture_that_was_made(self, model):
        made = transfer_style(model, CONTENT, STYLE, steps=5, **STILL)
        np.testing.assert_allclose((made.content_loss, made.style_loss), by_hand(model, made.image), rtol=1e-3)
        assert made.content_loss > 0

    def test_trace_is_that_of_the_pictures_on_the_way(self, model):
        made = transfer_style(model, CONTENT, STYLE, steps=4, style_weight=2.5, snapshots=range(4), **STILL)
        on_the_way = [by_hand(model, made.snapshots[step]) for step in range(4)]
        np.testing.assert_allclose(made.trace, [content + 2.5 * style for content, style in on_the_way], rtol=1e-3)
        assert made.trace[-1] < made.trace[0]

    def test_the_content_itself_has_none_and_the_style_neither(self, model):
        assert style_losses(model, CONTENT, CONTENT, STYLE, "deep", ["conv"])[0] == 0
        assert style_losses(model, STYLE, STYLE, STYLE, "deep", ["conv"]) == (0, 0)

    @pytest.mark.parametrize("weight", [0.5, 20])
    def test_gradient_against_finite_differences(self, weight):
        smooth = convolutions("tanh")
        aim = style_aim(smooth, CONTENT, STYLE, "deep", {"conv": 3, "deep": 1}, weight)
        scores = compiled_scores(aim, CONTENT.shape)
        begun = tf.constant((0.7 * CONTENT + 40)[np.newaxis])
        constants = [tf.constant(one) for one in aim.constants]
        with tf.GradientTape() as tape:
            tape.watch(begun)
            score = scores(begun, *constants)[0]
        towards = RANDOM.normal(size=begun.shape).astype(np.float32)
        slope = float(np.sum(tape.gradient(score, begun) * towards))
        ahead, behind = (by_hand(smooth, begun.numpy()[0] + sign * 0.5 * towards[0]) for sign in (1, -1))
        difference = sum((a - b) * -one for a, b, one in zip(ahead, behind, (1, weight), strict=True))
        assert slope == pytest.approx(difference, rel=0.02)


class TestArguments:
    def test_the_weight_decides_who_gives_way(self, model):
        light, heavy = (transfer_style(model, CONTENT, STYLE, steps=30, style_weight=w, **STILL) for w in (0.1, 100))
        assert light.content_loss < heavy.content_loss
        assert light.style_loss > heavy.style_loss

    def test_without_a_weight_the_content_stays(self, model):
        made = transfer_style(model, CONTENT, STYLE, steps=3, style_weight=0, **STILL)
        assert made.content_loss < 1e-4

    def test_a_layer_of_weight_0_does_not_count(self, model):
        both = {"conv": 1, "deep": 0}
        made = transfer_style(model, CONTENT, STYLE, steps=4, **{**STILL, "style_layers": both})
        alone = transfer_style(model, CONTENT, STYLE, steps=4, **{**STILL, "style_layers": ["conv"]})
        np.testing.assert_allclose(made.image, alone.image, atol=1e-2)

    def test_starts(self, model):
        how = {"steps": 1, "snapshots": [0], **STILL}
        first = {
            start: transfer_style(model, CONTENT, STYLE, start=start, **how).snapshots[0]
            for start in ("content", "grey")
        }
        np.testing.assert_allclose(first["content"], CONTENT, atol=1e-3)
        np.testing.assert_allclose(first["grey"], 127.5, atol=1e-3)
        seeds = [
            transfer_style(model, CONTENT, STYLE, start="noise", seed=seed, **how).snapshots[0] for seed in (1, 1, 2)
        ]
        assert (seeds[0] == seeds[1]).all()
        assert (seeds[0] != seeds[2]).any()

    def test_total_variation_smooths(self, model):
        rough, smooth = (transfer_style(model, CONTENT, STYLE, steps=20, total_variation=w, **HOW) for w in (0, 5))
        assert np.abs(np.diff(smooth.image, axis=0)).mean() < 0.8 * np.abs(np.diff(rough.image, axis=0)).mean()

    def test_step_by_step_it_is_the_same(self, model):
        made = transfer_style(model, CONTENT, STYLE, steps=3, **HOW)
        layers_of_style = {"conv": 3, "deep": 1}
        *_, last = transfer_stages(model, CONTENT, STYLE, content_layer="deep", style_layers=layers_of_style, steps=3)
        assert last.step == 3
        np.testing.assert_allclose(last.image(), made.image, atol=1e-3)
        np.testing.assert_allclose(last.losses(), (made.content_loss, made.style_loss), rtol=1e-3)

    def test_what_takes_a_picture_takes_it(self, model):
        made = transfer_style(model, CONTENT.astype(np.uint8), STYLE, steps=1, **HOW)
        assert (np.asarray(made) == made.image).all()
        assert made.image.dtype == np.float32
        assert made.image.shape == CONTENT.shape


class TestColours:
    def test_grey_has_the_contents_brightness(self):
        content, style = in_grey(CONTENT, STYLE)
        for picture in (content, style):
            assert (picture == picture[..., :1]).all()
        by_eye = CONTENT @ np.float32([0.299, 0.587, 0.114])
        np.testing.assert_allclose(content[..., 0], by_eye, rtol=1e-5)
        assert abs(style.mean() - by_eye.mean()) < 4  # what leaves 0 to 255 is cut off
        assert abs(style.std() - by_eye.std()) < 4

    def test_recoloured(self):
        made = RANDOM.uniform(100, 140, CONTENT.shape).astype(np.float32)
        colours = RANDOM.uniform(100, 140, CONTENT.shape).astype(np.float32)
        found = recoloured(made, colours)
        np.testing.assert_allclose(luminance(found), luminance(made), rtol=1e-5)
        np.testing.assert_allclose(np.diff(found, axis=2), np.diff(colours, axis=2), atol=1e-3)

    def test_keep_colour(self, model):
        made = transfer_style(model, CONTENT, STYLE, steps=6, keep_colour=True, snapshots=[0, 6], **HOW)
        inside = ((made.image > 0) & (made.image < 255)).all(-1)
        np.testing.assert_allclose(np.diff(made.image)[inside], np.diff(CONTENT)[inside], atol=0.01)
        np.testing.assert_allclose(made.snapshots[0], CONTENT, atol=0.01)
        np.testing.assert_allclose(made.snapshots[6], made.image)
        assert (made.image != CONTENT).any()


def test_the_network_is_left_alone(model):
    before = everything_about(model)
    transfer_style(model, CONTENT, STYLE, steps=2, **HOW)
    assert_unchanged(model, before)


def test_interrupted_gives_what_there_is():
    network = interrupts_itself(after=7)
    how = {"content_layer": "conv", "style_layers": ["conv"], "total_variation": 0, "progress": False}
    found = transfer_style(network, CONTENT[:, :12], STYLE[:12, :12], steps=50, **how)
    assert 0 < np.isfinite(found.trace).sum() < 50
    assert np.isfinite(found.image).all()
    assert found.style_loss > 0


@pytest.mark.parametrize(
    ("how", "error", "words"),
    [
        ({"content_layer": "dep"}, ValueError, "no layer 'dep'.*'deep'"),
        ({"style_layers": []}, ValueError, "style_layers is empty"),
        ({"style_layers": {"conv": -1}}, ValueError, "weight of 'conv'"),
        ({"style_layers": {"conv": 0}}, ValueError, "All weights"),
        ({"style_weight": -1}, ValueError, "style_weight"),
        ({"steps": 0}, ValueError, "steps"),
        ({"start": "white"}, ValueError, "no start 'white'"),
        ({"start": CONTENT[:5]}, ValueError, "12 x 15"),
        ({"parametrization": "wavelets"}, ValueError, "no parametrization 'wavelets'"),
        ({"snapshots": [201]}, ValueError, "no step 201"),
        ({"content": CONTENT[:, :, :1]}, ValueError, "3 channels, and this one has 1"),
        ({"content": np.stack([CONTENT] * 2)}, ValueError, "content must be one picture"),
        ({"style": "mosaic"}, TypeError, "style must be an array"),
        ({"style": np.full((2, 2, 3), 9)}, ValueError, "too small"),
        ({"content": np.full((12, 15, 3), np.nan)}, ValueError, "NaN"),
    ],
)
def test_wrong_arguments(how, error, words, model):
    with pytest.raises(error, match=words):
        transfer_style(model, **{"content": CONTENT, "style": STYLE, **HOW, **how})
