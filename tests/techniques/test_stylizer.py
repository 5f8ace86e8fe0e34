import os
import signal

import numpy as np
import pytest

from coursekit import activations, painting, photo, photos, squeezenet, stylize, train_stylizer, with_average_pooling
from coursekit.networks.backend import keras, tf
from coursekit.networks.stylizing import style_network
from coursekit.techniques import stylizer as module
from coursekit.techniques.style import style_losses
from tests.techniques.ascents import everything_about

layers = keras.layers
RANDOM = np.random.default_rng(0)
STYLE = painting("mosaic", 48)
PICTURES = [RANDOM.integers(0, 256, shape).astype(np.uint8) for shape in ((40, 56, 3), (70, 90, 3), (33, 36, 3))]
SMALL = {"content_layer": "deep", "style_layers": ["conv", "deep"], "crop": 32, "batch": 2, "progress": False}


@pytest.fixture(scope="module")
def judge():
    """A network in whose layers losses are taken, smooth everywhere, so that differences tell its slopes."""
    keras.utils.set_random_seed(0)
    x = keras.Input((32, 32, 3))
    y = layers.Conv2D(4, 3, activation="tanh", name="conv")(layers.Rescaling(1 / 127.5, offset=-1)(x))
    return keras.Model(x, layers.Conv2D(3, 3, strides=2, activation="softplus", name="deep")(y))


def train(judge, steps=4, **how):
    return train_stylizer(STYLE, PICTURES, steps, model=judge, **{**SMALL, **how})


def same(one, other):
    return all(
        np.array_equal(*pair) for pair in zip(one.network.get_weights(), other.network.get_weights(), strict=True)
    )


def by_numpy(judge, painted, photos, style):
    """Return both losses for the same weight in each layer, computed apart from the package."""
    maps = keras.Model(judge.input, [judge.get_layer(name).output for name in ("conv", "deep")])

    def of(pictures):  # the network takes one size, its convolutions any
        x = keras.Input((None, None, 3))
        y = x
        for layer in judge.layers[1:]:
            y = layer(y)
            if layer.name == "conv":
                first = y
        return [np.float64(part) for part in keras.Model(x, [first, y])(np.float32(pictures))]

    def gram(part):
        return np.einsum("hwi,hwj->ij", part, part) / part.size

    assert maps.count_params() == judge.count_params()
    have, photos, style = of(painted), of(photos), of(style[np.newaxis])
    content = [np.sum((h - p) ** 2) / np.sum(p**2) for h, p in zip(have[1], photos[1], strict=True)]
    styles = [
        np.mean(
            [np.sum((gram(h[n]) - gram(s[0])) ** 2) / np.sum(gram(s[0]) ** 2) for h, s in zip(have, style, strict=True)]
        )
        for n in range(len(painted))
    ]
    return np.mean(content), np.mean(styles)


def step_inputs(judge, seed=0, place=(3, 5)):
    """Return what the compiled step takes, as a training makes it."""
    network = style_network(seed)
    begun = module._beginning(network, 1)
    weights = module.layer_weights(judge, SMALL["style_layers"], "style_layers")
    wanted = [module.gram(v) for v in module.features_of(judge, list(weights), np.float32(STYLE)).values()]
    constants = [tf.constant(np.float32(list(weights.values()))), tf.constant(0.7), *map(tf.constant, wanted)]
    crops = tf.constant(module._crops([np.float32(p) for p in PICTURES], 32, 2, np.random.default_rng(1)))
    return network, begun, crops, tf.constant(np.int32(place)), constants


class TestLosses:
    def test_of_the_first_step_against_numpy(self, judge):
        network, begun, crops, place, constants = step_inputs(judge)
        step = module._compiled_step(judge, "deep", ["conv", "deep"], 32)
        *_, found = step(
            begun.weights, begun.mean, begun.square, crops, place, tf.constant(1.0), tf.constant(0.1), constants
        )
        painted = network(crops).numpy()
        side = 32 - module._SHAKEN
        cut = (slice(None), slice(3, 3 + side), slice(5, 5 + side))
        np.testing.assert_allclose(found, by_numpy(judge, painted[cut], crops.numpy()[cut], STYLE), rtol=1e-4)

    def test_are_those_of_transfer_style(self, judge):
        """One picture of the size that the network takes, judged by the training and by ``style_losses``."""
        _, _, _, _, constants = step_inputs(judge)
        one, other = (RANDOM.uniform(0, 255, (32, 32, 3)).astype(np.float32) for _ in range(2))
        here = module._losses(judge, one[np.newaxis], other[np.newaxis], "deep", ["conv", "deep"], constants)
        there = style_losses(judge, one, other, np.float32(STYLE), "deep", ["conv", "deep"])
        np.testing.assert_allclose(here, there, rtol=1e-5)

    def test_gradient_against_finite_differences(self, judge):
        """Adam's first mean is a tenth of the gradient: along a direction it is how fast the loss changes."""
        _, begun, crops, place, constants = step_inputs(judge)
        step = module._compiled_step(judge, "deep", ["conv", "deep"], 32)

        def loss_and_mean(weights):
            numbers = tf.constant(1.0), tf.constant(0.0)
            _, mean, _, (content, style) = step(weights, begun.mean, begun.square, crops, place, *numbers, constants)
            return float(content) + 0.7 * float(style), mean

        gradient = [10 * m.numpy() for m in loss_and_mean(begun.weights)[1]]
        other = [np.random.default_rng(2).normal(size=one.shape) for one in gradient]
        steep, far = (np.sqrt(sum(np.sum(one**2) for one in several)) for several in (gradient, other))
        # Along the gradient, and as far to the side: of a random direction alone hardly a part leads uphill.
        direction = [np.float32(g / steep + o / far) for g, o in zip(gradient, other, strict=True)]
        slope = sum(np.sum(np.float64(g) * d) for g, d in zip(gradient, direction, strict=True))
        ahead, back = (
            loss_and_mean([w + sign * 1e-3 * d for w, d in zip(begun.weights, direction, strict=True)])[0]
            for sign in (1, -1)
        )
        assert slope > 0.01
        assert (ahead - back) / 2e-3 == pytest.approx(slope, rel=0.03)

    def test_weight_of_the_style_counts(self, judge):
        much, little = (train(judge, 30, style_weight=weight, seed=1) for weight in (10, 0.01))
        assert much.style_loss[-5:].mean() < 0.8 * little.style_loss[-5:].mean()
        assert little.content_loss[-5:].mean() < 0.8 * much.content_loss[-5:].mean()


class TestTraining:
    def test_first_step_is_adams(self, judge):
        _, begun, crops, place, constants = step_inputs(judge)
        step = module._compiled_step(judge, "deep", ["conv", "deep"], 32)
        one, rate = tf.constant(1.0), tf.constant(0.01)
        weights, mean, *_ = step(begun.weights, begun.mean, begun.square, crops, place, one, rate, constants)
        for new, old, m in zip(weights, begun.weights, mean, strict=True):
            clear = np.abs(10 * m.numpy()) > 1e-3  # a step of the full length against the gradient's sign
            np.testing.assert_allclose((new - old).numpy()[clear], -0.01 * np.sign(m.numpy()[clear]), rtol=2e-3)

    def test_steps_get_shorter_along_half_a_wave(self, judge, monkeypatch):
        lengths = []
        compiled = module._compiled_step(judge, "deep", ["conv", "deep"], 32)

        def spy(*given):
            lengths.append(float(given[6]))
            return compiled(*given)

        monkeypatch.setattr(module, "_compiled_step", lambda *_: spy)
        train(judge, 4, learning_rate=0.5)
        np.testing.assert_allclose(lengths, [0.5, 0.25 + 0.25 / np.sqrt(2), 0.25, 0.25 - 0.25 / np.sqrt(2)], rtol=1e-5)

    def test_the_same_again_and_the_judge_as_it_was(self, judge):
        before = everything_about(judge)
        one, two, other = train(judge), train(judge), train(judge, seed=1)
        assert same(one, two)
        np.testing.assert_array_equal(one.style_loss, two.style_loss)
        assert not same(one, other)
        after = everything_about(judge)
        assert all(np.array_equal(*pair) for pair in zip(before.pop("weights"), after.pop("weights"), strict=True))
        assert before == after

    def test_another_style_costs_no_compilation(self):
        traced = []
        x = keras.Input((32, 32, 3))
        seen = layers.Lambda(lambda values: traced.append(1) or values, output_shape=(32, 32, 3))(x)
        network = keras.Model(x, layers.Conv2D(2, 3, name="conv")(seen))
        how = {**SMALL, "content_layer": "conv", "style_layers": "conv"}
        train_stylizer(STYLE, PICTURES, 1, model=network, **how)
        once = len(traced)
        train_stylizer(painting("waves", 48), PICTURES, 1, model=network, **{**how, "batch": 1, "style_weight": 3})
        assert len(traced) == once

    def test_begins_with_another_network(self, judge):
        first = train(judge)
        second = train(judge, learning_rate=0, start=first)
        assert same(first, second)
        assert first.network is not second.network

    def test_snapshots_are_what_it_paints_by_then(self, judge):
        sample = RANDOM.integers(0, 256, (30, 41, 3)).astype(np.uint8)
        trained = train(judge, 4, sample=sample, snapshots=[4, 0])
        assert list(trained.snapshots) == [0, 4]
        np.testing.assert_allclose(trained.snapshots[0], stylize(sample, style_network(0)), atol=1e-3)
        np.testing.assert_allclose(trained.snapshots[4], stylize(sample, trained), atol=1e-3)
        assert trained.steps == 4

    def test_crops_lie_in_their_photo(self):
        rows, columns = np.mgrid[:60, :90]
        photo = np.stack([rows, columns, 0 * rows], 2).astype(np.float32)
        random, mirrored, sides = np.random.default_rng(0), set(), set()
        for _ in range(60):
            (square,) = module._crops([photo], 32, 1, random)
            down, across = np.diff(square[..., 0], axis=0).mean(), np.diff(square[..., 1], axis=1).mean()
            assert down == pytest.approx(abs(across), rel=0.05)  # one scale both ways
            assert square[..., 0].min() >= 0
            assert square[..., 1].max() <= 89
            mirrored.add(across < 0)
            sides.add(round(down * 32))
        assert mirrored == {True, False}
        assert min(sides) in (23, 24, 25)
        assert max(sides) in (47, 48, 49)


class TestBreaks:
    def test_resumed_is_as_unbroken(self, judge, tmp_path, monkeypatch):
        how = {"sample": PICTURES[0], "snapshots": [1, 5]}
        unbroken = train(judge, 5, **how)
        file = tmp_path / "style.npz"
        for at in (2, 4):
            with monkeypatch.context() as patch:
                patch.setattr(module, "_crops", interrupted_at(at))
                part = train(judge, 5, path=file, **how)
            assert part.steps == at
            assert np.isfinite(part.style_loss).sum() == at
        resumed = train(judge, 5, path=file, **how)
        assert same(unbroken, resumed)
        np.testing.assert_array_equal(unbroken.content_loss, resumed.content_loss)
        np.testing.assert_array_equal(unbroken.snapshots[1], resumed.snapshots[1])
        assert list(tmp_path.iterdir()) == [file]
        done = train(judge, 5, path=file, **how)  # nothing is left to do
        assert same(unbroken, done)

    def test_a_killed_one_goes_on_from_what_was_saved(self, judge, tmp_path, monkeypatch):
        monkeypatch.setattr(module, "_SAVE_EVERY", 2)
        file = tmp_path / "style.npz"
        with monkeypatch.context() as patch:
            patch.setattr(module, "_crops", interrupted_at(3, MemoryError))
            with pytest.raises(MemoryError):
                train(judge, 5, path=file)
        assert int(module.read_arrays(file)["step"]) == 2
        assert same(train(judge, 5), train(judge, 5, path=file))

    def test_ctrl_c_gives_the_network_so_far(self, judge, monkeypatch):
        crops = module._crops

        def interrupting(*given):
            found.append(crops(*given))
            if len(found) == 3:
                os.kill(os.getpid(), signal.SIGINT)
            return found[-1]

        found = []
        monkeypatch.setattr(module, "_crops", interrupting)
        trained = train(judge, 50)
        assert trained.steps in (2, 3)
        assert np.isfinite(trained.content_loss).sum() == trained.steps
        assert stylize(PICTURES[0], trained).shape == PICTURES[0].shape

    @pytest.mark.parametrize("other", [{"seed": 9}, {"style_weight": 2}, {"batch": 1}, {"learning_rate": 0.1}])
    def test_of_another_training_is_refused(self, judge, tmp_path, other):
        train(judge, 1, path=tmp_path / "style.npz")
        with pytest.raises(ValueError, match="another training"):
            train(judge, 1, path=tmp_path / "style.npz", **other)


def interrupted_at(step, error=KeyboardInterrupt):
    """Return ``_crops`` that raises when step number ``step`` asks for it, counted over all breaks."""
    crops = module._crops
    begun = {}

    def until(photos, crop, batch, random):
        state = str(random.bit_generator.state)
        begun.setdefault(state, None)
        expected = str(np.random.default_rng([0, step]).bit_generator.state)
        if state == expected:
            raise error
        return crops(photos, crop, batch, random)

    return until


class TestStylize:
    @pytest.mark.parametrize("size", [(32, 32), (33, 50), (1, 7), (61, 30)])
    def test_keeps_every_size(self, size):
        picture = RANDOM.integers(0, 256, (*size, 3)).astype(np.uint8)
        painted = stylize(picture, "mosaic")
        assert painted.shape == (*size, 3)
        assert painted.dtype == np.float32
        assert painted.min() >= 0
        assert painted.max() <= 255

    def test_several_as_each_alone(self):
        batch = RANDOM.integers(0, 256, (3, 30, 45, 3)).astype(np.uint8)
        together = stylize(batch, "waves")
        for one, painted in zip(batch, together, strict=True):
            np.testing.assert_allclose(painted, stylize(one, "waves"), atol=1e-3)

    def test_is_the_network_without_its_margin(self):
        picture = RANDOM.integers(0, 256, (30, 42, 3)).astype(np.float32)
        network = style_network(5)
        padded = np.pad(picture, [(8, 10), (8, 10), (0, 0)], mode="symmetric")  # 48 x 60
        expected = network(padded[np.newaxis]).numpy()[0, 8:38, 8:50].clip(0, 255)
        np.testing.assert_allclose(stylize(picture, network), expected, atol=1e-2)

    def test_grey_and_transparent(self):
        grey = RANDOM.integers(0, 256, (24, 31)).astype(np.uint8)
        expected = stylize(np.stack([grey] * 3, 2), "strokes")
        for given in (grey, grey[..., np.newaxis]):
            np.testing.assert_allclose(stylize(given, "strokes"), expected, atol=1e-3)
        colours = RANDOM.integers(0, 256, (24, 31, 3)).astype(np.uint8)
        for alpha, shown in ((255, colours), (0, np.full_like(colours, 255))):
            with_alpha = np.dstack([colours, np.full(grey.shape, alpha, np.uint8)])
            np.testing.assert_allclose(stylize(with_alpha, "strokes"), stylize(shown, "strokes"), atol=1e-3)

    def test_of_a_file(self, judge, tmp_path):
        trained = train(judge, 1, path=tmp_path / "training.npz")
        trained.save(tmp_path / "half.npz")
        painted = stylize(PICTURES[0], trained)
        np.testing.assert_allclose(stylize(PICTURES[0], tmp_path / "training.npz"), painted, atol=1e-3)
        np.testing.assert_allclose(stylize(PICTURES[0], str(tmp_path / "half.npz")), painted, atol=2)
        assert (tmp_path / "half.npz").stat().st_size < 500_000

    def test_a_file_that_was_written_anew_is_read_anew(self, judge, tmp_path):
        file = tmp_path / "style.npz"
        for seed in (0, 1):
            trained = train(judge, 1, seed=seed)
            trained.save(file)
            os.utime(file, (seed, seed))
            np.testing.assert_allclose(stylize(PICTURES[0], file), stylize(PICTURES[0], trained), atol=2)

    @pytest.mark.parametrize(
        ("style", "error", "words"),
        [
            ("mosiac", ValueError, "no style 'mosiac'. Did you mean 'mosaic'"),
            ("none.npz", FileNotFoundError, "no file none.npz"),
            (None, TypeError, "A style is a name such as 'mosaic'.*NoneType"),
            (STYLE, TypeError, "train_stylizer"),
        ],
    )
    def test_no_style(self, style, error, words):
        with pytest.raises(error, match=words):
            stylize(PICTURES[0], style)

    @pytest.mark.parametrize(
        ("picture", "error", "words"),
        [
            ("chelsea", TypeError, "photo"),
            (np.zeros((9, 9, 2)), ValueError, "3 channels.*this one has 2"),
            (np.full((9, 9, 3), np.nan), ValueError, "NaN"),
        ],
    )
    def test_no_picture(self, picture, error, words):
        with pytest.raises(error, match=words):
            stylize(picture, "mosaic")


class TestShipped:
    def test_there_are_those_that_painting_paints(self):
        assert module.shipped_styles() == ["mosaic", "strokes", "waves"]

    def test_together_they_take_little_room(self):
        files = list(module._styles_folder().glob("*.npz"))
        assert sum(file.stat().st_size for file in files) < 3e6
        for file in files:
            with np.load(file, allow_pickle=False) as stored:
                assert {stored[name].dtype for name in stored.files} == {np.dtype(np.float16)}

    @pytest.mark.parametrize("name", ["mosaic", "strokes", "waves"])
    def test_has_the_style_and_keeps_the_content(self, name):
        """On photos it was not trained on: nearer to the painting than these are, and each nearer to its own photo."""
        judge = with_average_pooling(squeezenet())
        style = np.float32(painting(name, 256))
        cat, geese = np.float32(photo("chelsea", 227)), np.float32(photos(227)[0][15])
        for picture, other in ((cat, geese), (geese, cat)):
            painted = stylize(picture, name)
            assert (
                style_losses(judge, painted, picture, style)[1] < 0.6 * style_losses(judge, picture, picture, style)[1]
            )
            features = [activations(judge, one, "fire5-concat") for one in (painted, picture, other)]
            own, strange = (np.linalg.norm(features[0] - one) for one in features[1:])
            assert own < 0.95 * strange


class TestWrongArguments:
    @pytest.mark.parametrize(
        ("how", "error", "words"),
        [
            ({"steps": 0}, ValueError, "steps must be at least 1"),
            ({"crop": 34}, ValueError, "multiple of 4"),
            ({"crop": 28}, ValueError, "crop must be at least 32"),
            ({"batch": 0}, ValueError, "batch"),
            ({"style_layers": "cnv"}, ValueError, "no layer 'cnv'.*'conv'"),
            ({"content_layer": "dep"}, ValueError, "no layer 'dep'.*'deep'"),
            ({"style_weight": -1}, ValueError, "style_weight"),
            ({"snapshots": [9]}, ValueError, "snapshots must be from 0 to 4"),
            ({"start": "mosiac"}, ValueError, "no style 'mosiac'"),
            ({"pictures": []}, ValueError, "pictures is empty"),
            ({"pictures": [STYLE[..., :2]]}, ValueError, "3 channels"),
            ({"style": np.stack([STYLE, STYLE])}, ValueError, "style must be one picture, not 2"),
            ({"path": "none/style.npz"}, FileNotFoundError, "no folder .*none"),
            ({"learning_rate": 1e30}, ValueError, "not finite. A smaller learning_rate"),
        ],
    )
    def test_is_said(self, how, error, words, judge):
        given = {"style": STYLE, "pictures": PICTURES, "steps": 4, "model": judge, **SMALL, **how}
        with pytest.raises(error, match=words):
            train_stylizer(**given)
