import numpy as np
import pytest

from coursekit import channel, class_score, maximize, neuron
from coursekit.networks.backend import keras, tf
from coursekit.techniques.regularizers import blur, l2, random_view, total_variation
from tests.techniques.ascents import QUICK, STILL, assert_unchanged, everything_about, start_of, toy

layers = keras.layers


@pytest.fixture(scope="module")
def model():
    return toy()


class TestTheSameAgain:
    @pytest.mark.parametrize("parametrization", ["fourier", "pixels"])
    def test_a_seed_gives_the_same_picture_and_another_gives_another(self, parametrization, model):
        objective = channel(model, "deep", 3)
        first, again, other = (
            maximize(objective, parametrization=parametrization, seed=seed, **QUICK) for seed in (1, 1, 2)
        )
        np.testing.assert_array_equal(first.images, again.images)
        np.testing.assert_array_equal(first.trace, again.trace)
        np.testing.assert_array_equal(first.scores, again.scores)
        assert np.abs(first.images - other.images).mean() > 1

    def test_the_seed_draws_the_views_too(self, model):
        first, again, other = (
            maximize(channel(model, "deep", 3), start="grey", seed=seed, **QUICK) for seed in (1, 1, 2)
        )
        np.testing.assert_array_equal(first.images, again.images)
        assert np.abs(first.images - other.images).max() > 1

    def test_a_picture_does_not_depend_on_its_batch(self, model):
        several = [
            channel(model, "deep", 3),
            neuron(model, "conv", 1) - channel(model, "deep", 0),
            class_score(model, 2),
            channel(model, "deep", 3),
        ]
        together = maximize(several, l2=0.1, **QUICK)
        in_parts = maximize(several, l2=0.1, batch_size=3, **QUICK)
        for index, objective in enumerate(several):
            alone = maximize(objective, l2=0.1, **QUICK)
            for found in (together, in_parts):
                np.testing.assert_allclose(found.images[index], alone.images[0], atol=0.5)
                np.testing.assert_allclose(found.trace[index], alone.trace[0], rtol=1e-3, atol=1e-4)
                np.testing.assert_allclose(found.scores[index], alone.scores[0], rtol=1e-3, atol=1e-4)
        np.testing.assert_array_equal(together.images[0], together.images[3])

    def test_several_seeds_give_several_starts(self, model):
        objective = channel(model, "deep", 3)
        found = maximize([objective] * 3, seed=[4, 5, 4], snapshots=[0], **QUICK)
        np.testing.assert_array_equal(found.images[0], found.images[2])
        assert np.abs(found.snapshots[0][0] - found.snapshots[0][1]).mean() > 0.2
        for index, seed in enumerate((4, 5, 4)):
            alone = maximize(objective, seed=seed, snapshots=[0], **QUICK)
            np.testing.assert_array_equal(alone.snapshots[0][0], found.snapshots[0][index])


class TestWhatComesOut:
    def test_shapes_and_ranges(self, model):
        objectives = [channel(model, "deep", index) for index in range(5)]
        for parametrization in ("fourier", "pixels"):
            found = maximize(
                objectives, parametrization=parametrization, batch_size=2, blur=1e-3, **{**QUICK, "steps": 30}
            )
            assert found.images.shape == (5, 12, 12, 3)
            assert found.trace.shape == found.penalty.shape == (5, 30)
            assert found.scores.shape == (5,)
            assert {a.dtype for a in (found.images, found.trace, found.penalty, found.scores)} == {np.dtype("float32")}
            assert 0 <= found.images.min() < found.images.max() <= 255
            assert np.isfinite(found.trace).all()
            assert found.objectives == objectives
            assert (found.scores > start_of(objectives, parametrization=parametrization, **QUICK)).all()

    def test_the_scores_are_the_objectives_of_the_pictures(self, model):
        objectives = [channel(model, "deep", 3), 2 * class_score(model, 1) - neuron(model, "conv", 0, (2, 9))]
        found = maximize(objectives, **QUICK)
        for objective, picture, score in zip(objectives, found.images, found.scores, strict=True):
            assert objective(picture) == pytest.approx(score, rel=1e-4, abs=1e-5)

    @pytest.mark.parametrize("parametrization", ["fourier", "pixels"])
    def test_trace_and_penalty_are_those_of_the_picture_before_each_step(self, parametrization, model):
        objectives = [channel(model, "deep", 3), class_score(model, 0)]
        weights = {"l2": 0.5, "total_variation": 0.25, "blur": 3}
        found = maximize(objectives, 4, parametrization=parametrization, snapshots=range(5), **weights, **STILL)
        assert list(found.snapshots) == [0, 1, 2, 3, 4]
        np.testing.assert_array_equal(found.snapshots[4], found.images)
        for step in range(4):
            pictures = found.snapshots[step]
            tensor = tf.constant(pictures)
            scores = [float(objective(picture)) for objective, picture in zip(objectives, pictures, strict=True)]
            np.testing.assert_allclose(found.trace[:, step], scores, rtol=1e-4, atol=1e-5)
            by_hand = 0.5 * l2(tensor) + 0.25 * total_variation(tensor) + 3 * blur(tensor)
            np.testing.assert_allclose(found.penalty[:, step], by_hand, rtol=1e-4)

    def test_without_penalties_there_is_none(self, model):
        np.testing.assert_array_equal(maximize(channel(model, "deep", 3), **QUICK).penalty, 0)

    def test_snapshots_over_several_batches(self, model):
        objectives = [channel(model, "deep", index) for index in range(5)]
        found = maximize(objectives, batch_size=2, snapshots={6, 0}, **QUICK)
        assert list(found.snapshots) == [0, 6]
        assert found.snapshots[0].shape == (5, 12, 12, 3)
        np.testing.assert_array_equal(found.snapshots[6], found.images)

    @pytest.mark.parametrize("parametrization", ["fourier", "pixels"])
    def test_starts(self, parametrization, model):
        objective, how = channel(model, "deep", 3), {"parametrization": parametrization, "snapshots": [0], **QUICK}
        for start, value in (("grey", 127.5), ("black", 2.55 if parametrization == "fourier" else 0)):
            np.testing.assert_allclose(maximize(objective, start=start, **how).snapshots[0], value, atol=0.01)
        pictures = np.random.default_rng(0).integers(10, 240, (2, 12, 12, 3)).astype(np.uint8)
        one = maximize([objective] * 2, start=pictures[0], **how).snapshots[0]
        np.testing.assert_allclose(one, [pictures[0]] * 2, atol=0.02)
        each = maximize([objective] * 2, start=pictures, batch_size=1, **how).snapshots[0]
        np.testing.assert_allclose(each, pictures, atol=0.02)

    def test_a_huge_penalty_keeps_it_grey(self, model):
        objective = channel(model, "deep", 3)
        how = {
            "steps": 40,
            "shift": 2,
            "start": "black",
            "learning_rate": 20,
            "parametrization": "pixels",
            "progress": False,
        }
        free, held = maximize(objective, **how), maximize(objective, l2=1e6, **{**how, "steps": 200})
        assert np.abs(held.images - 127.5).mean() < 15
        assert np.abs(free.images - 127.5).mean() > 60
        rough, even = (
            maximize(objective, 40, total_variation=weight, shift=2, progress=False).images for weight in (0, 1e4)
        )
        assert total_variation(tf.constant(even)) < 0.3 * total_variation(tf.constant(rough))


def one_by_one(kernel, bias=0.0, activation=None, **kwargs):
    """Return a network of one convolution of single pixels."""
    kernel = np.asarray(kernel, np.float32)
    layer = layers.Conv2D(kernel.shape[1], 1, activation=activation, name="mix", **kwargs)
    model = keras.Sequential([keras.Input((4, 5, 3)), layer])
    layer.set_weights([kernel[np.newaxis, np.newaxis], np.full(kernel.shape[1], bias, np.float32)])
    return model


class TestOneStepByHand:
    @pytest.mark.parametrize(("shift", "weight"), [(0, 0), (0, 0.7), (2, 0), (2, 0.7)])
    def test_adam_on_a_linear_network(self, shift, weight):
        """Pixels, the views and Adam (Kingma and Ba 2014) written anew in NumPy."""
        kernel = np.array([[0.02, 1], [-0.01, 2], [0.03, 3]], np.float32)
        model, steps, rate, seed = one_by_one(kernel), 7, 3.0, 5
        how = {**STILL, "shift": shift, "parametrization": "pixels", "seed": seed}
        found = maximize(channel(model, "mix", 0), steps, start="black", l2=weight, learning_rate=rate, **how)
        canvas = np.zeros((4 + 2 * shift, 5 + 2 * shift, 3))
        mean, square, trace = np.zeros_like(canvas), np.zeros_like(canvas), []
        random = np.random.default_rng([seed, 1])
        for step in range(1, steps + 1):
            view = random_view(random, canvas.shape[:2], (4, 5), 0, 0)
            top, left = int(view[5]), int(view[2])
            seen = slice(top, top + 4), slice(left, left + 5)
            trace.append((canvas[seen] @ kernel[:, 0]).mean())
            gradient = -weight * 2 * (canvas - 127.5) / 127.5**2 / canvas.size
            gradient[seen] += kernel[:, 0] / 20
            mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
            canvas = canvas + rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
            canvas = canvas.clip(0, 255)
        np.testing.assert_allclose(found.trace[0], trace, rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(found.images[0], canvas[shift : shift + 4, shift : shift + 5], rtol=1e-3, atol=0.05)
        assert canvas.max() > 15

    def test_the_unit_of_the_objective_does_not_matter(self):
        """As it does not in Adam, but for what keeps it from dividing by zero."""
        objective = channel(one_by_one([[0.02], [-0.01], [0.03]]), "mix", 0)
        one, small = (maximize(factor * objective, 7, parametrization="pixels", **STILL) for factor in (1, 2**-20))
        np.testing.assert_allclose(small.images, one.images, atol=0.01)
        assert one.scores > 1.1 * start_of(objective, parametrization="pixels", **STILL)


DEAD = -2.0  # more than grey (3 x 0.5) brings, less than white (3 x 1)


def dead_networks():
    """Yield networks whose first layer is silent everywhere for a grey picture, and only there."""

    def made(*rest, **kwargs):
        x = picture = keras.Input((4, 5, 3))
        first = layers.Conv2D(2, 1, name="first", kernel_initializer="ones", **kwargs)
        first.bias_initializer = keras.initializers.Constant(DEAD)
        for layer in (layers.Rescaling(1 / 255), first, *rest):
            x = layer(x)
        return keras.Model(picture, x)

    def second():
        return layers.Conv2D(
            2,
            1,
            activation="relu",
            name="second",
            kernel_initializer="ones",
            bias_initializer=keras.initializers.Constant(-0.1),
        )

    yield "folded", made(activation="relu"), "first"
    yield "folded ReLU6", made(activation="relu6"), "first"
    yield "own layer", made(layers.ReLU(name="relu")), "relu"
    yield "own ReLU6", made(layers.ReLU(max_value=6, name="relu")), "relu"
    yield "Activation", made(layers.Activation("relu", name="relu")), "relu"
    yield "operation", made(lambda x: keras.ops.relu(x), layers.MaxPooling2D(name="pool")), "pool"
    yield "stacked", made(second(), activation="relu"), "second"


def woken(model, layer, parametrization):
    """Return the picture of an ascent that begins where the channel is silent."""
    objective = channel(model, layer, 1)
    found = maximize(objective, 60, parametrization=parametrization, start="grey", snapshots=[0], **STILL)
    assert objective(found.snapshots[0][0]) == 0
    assert (found.trace[0, :3] == 0).all()
    assert found.scores[0] > 0.1
    return found.images


class TestDeadStarts:
    @pytest.mark.parametrize(("model", "layer"), [case[1:] for case in dead_networks()],
                             ids=[case[0] for case in dead_networks()])  # fmt: skip
    def test_a_silent_unit_is_woken(self, model, layer):
        images = woken(model, layer, "pixels")
        assert images.min() == pytest.approx(127.5) or images.min() > 127.5

    def test_in_waves(self):
        (_, model, layer), *_ = dead_networks()
        woken(model, layer, "fourier")

    def test_what_shall_be_small_is_not_woken(self):
        (_, model, layer), *_ = dead_networks()
        found = maximize(-channel(model, layer, 1), 10, start="grey", **STILL)
        np.testing.assert_allclose(found.images, 127.5, atol=1e-3)
        np.testing.assert_array_equal(found.scores, 0)

    def test_a_unit_without_any_way_stays_as_it_was(self):
        (_, model, layer), *_ = dead_networks()
        found = maximize(0 * channel(model, layer, 1), 3, start="grey", **STILL)
        np.testing.assert_allclose(found.images, 127.5, atol=1e-3)

    def test_beside_a_live_one(self):
        (_, model, layer), *_ = dead_networks()
        dead, alive = channel(model, layer, 1), channel(model, layer, 1, pre_activation=True)
        starts = np.full((2, 4, 5, 3), 127.5)
        starts[1] = 230
        how = {"steps": 5, "start": starts, "parametrization": "pixels", **STILL}
        together = maximize([dead, dead], **how)
        alone = [maximize(dead, **{**how, "start": start}).images[0] for start in starts]
        np.testing.assert_allclose(together.images, alone, atol=0.05)
        assert together.images[0].min() > 127.5
        both = maximize([dead, alive], 60, start="grey", parametrization="pixels", **STILL)
        assert (both.scores > 0.1).all()


def test_the_network_is_left_as_it_was():
    model = toy()
    picture = np.random.default_rng(0).uniform(0, 255, (1, 12, 12, 3)).astype(np.float32)
    answer, before = np.asarray(model(picture)), everything_about(model)
    objectives = [
        class_score(model, 1),
        channel(model, "conv", 2, pre_activation=True),
        channel(model, "relu", 0, pre_activation=True),
    ]
    maximize(objectives, **QUICK)
    maximize([sum(objectives[1:], objectives[0]), -channel(model, "relu", 3)], start="black", **QUICK)
    assert_unchanged(model, before)
    np.testing.assert_array_equal(model(picture), answer)


class TestSizes:
    def test_smaller_and_larger_before_a_dense_layer(self, model):
        for size, shape in ((8, (8, 8)), ((9, 14), (9, 14)), (np.int64(20), (20, 20)), (None, (12, 12))):
            found = maximize(channel(model, "deep", 3), size=size, **QUICK)
            assert found.images.shape == (1, *shape, 3)
            assert found.scores > start_of(channel(model, "deep", 3), size=size, **QUICK)

    def test_a_dense_layer_takes_one_size(self, model):
        words = r"Pictures of 8 x 8 do not lead to prob\. They are too small, or a layer on the way, such as Dense"
        with pytest.raises(ValueError, match=words):
            maximize(class_score(model, 1), size=8, **QUICK)
        assert maximize(class_score(model, 1), size=12, **QUICK).images.shape == (1, 12, 12, 3)

    def test_behind_a_global_average_every_size_will_do(self):
        model = toy(dense=False)
        assert maximize(class_score(model, 1), size=9, **QUICK).images.shape == (1, 9, 9, 3)

    def test_too_small(self, model):
        with pytest.raises(ValueError, match=r"Pictures of 4 x 4 do not lead to deep\. They are too small"):
            maximize(channel(model, "deep", 3), size=4, **QUICK)

    def test_neurons_outside_of_smaller_maps(self, model):
        far = neuron(model, "conv", 1, (2, 9))
        with pytest.raises(ValueError, match=r"In pictures of 8 x 8, 'conv' has 6 x 6 positions: \(2, 9\) is outside"):
            maximize(far, size=8, **QUICK)
        assert maximize(far, size=(6, 12), **QUICK).scores > 0

    def test_a_network_that_takes_any_size(self):
        model = toy((None, None, 3), dense=False)
        found = maximize(channel(model, "conv", 0), **{**QUICK, "steps": 1})
        assert found.images.shape == (1, 224, 224, 3)
        assert maximize(class_score(model, 0), size=(15, 10), **QUICK).images.shape == (1, 15, 10, 3)
        with pytest.raises(ValueError, match="In pictures of 9 x 9, 'deep' has 3 x 3 positions"):
            maximize(neuron(model, "deep", 0, (3, 0)), size=9, **QUICK)

    @pytest.mark.parametrize("parametrization", ["fourier", "pixels"])
    def test_grey_pictures(self, parametrization):
        model = toy((28, 28, 1))
        objectives = [channel(model, "deep", 3), class_score(model, 4)]
        found = maximize(objectives, parametrization=parametrization, **QUICK)
        assert found.images.shape == (2, 28, 28, 1)
        assert (found.scores > start_of(objectives, parametrization=parametrization, **QUICK)).all()


class TestWrongArguments:
    @pytest.mark.parametrize(
        ("wrong", "error", "words"),
        [
            ({"steps": 0}, ValueError, r"steps must be at least 1, not 0\."),
            ({"steps": 2.5}, TypeError, r"steps must be a whole number, 1 or more, not 2\.5\."),
            ({"steps": True}, TypeError, "steps must be a whole number"),
            ({"batch_size": 0}, ValueError, "batch_size must be at least 1, not 0"),
            ({"size": "big"}, TypeError, "size must be a whole number, 1 or more, not 'big'"),
            ({"size": 0}, ValueError, "size must be at least 1, not 0"),
            ({"size": (8, 8, 3)}, ValueError, r"size must be one number of pixels or \(height, width\)"),
            (
                {"parametrization": "furier"},
                ValueError,
                "There is no parametrization 'furier'. Did you mean 'fourier'?",
            ),
            ({"start": "gray"}, ValueError, "There is no start 'gray'. Did you mean 'grey'?"),
            ({"start": None}, TypeError, "start must hold numbers from 0 to 255"),
            ({"start": np.full((12, 12, 3), np.nan)}, ValueError, "start holds NaN or infinity"),
            ({"start": np.zeros((10, 12, 3))}, ValueError, r"The start is 10 x 12 x 3, but .* takes 12 x 12 x 3\."),
            ({"start": np.zeros((12, 12, 1))}, ValueError, r"The start is 12 x 12 x 1, but .* takes 12 x 12 x 3\."),
            ({"start": np.zeros((2, 12, 12, 3))}, ValueError, "There are 1 objectives but 2 starts"),
            ({"l2": -1}, ValueError, "l2 must be a number, 0 or more, not -1"),
            ({"total_variation": np.nan}, ValueError, "total_variation must be a number, 0 or more, not nan"),
            ({"blur": "1"}, TypeError, "blur must be a number, 0 or more, not '1'"),
            ({"shift": -1}, ValueError, "shift must be at least 0, not -1"),
            ({"shift": 1.5}, TypeError, r"shift must be a whole number, 0 or more, not 1\.5"),
            ({"scale": 1.5}, ValueError, "scale must be a number, 0 or more and at most 1, not 1.5"),
            ({"scale": -0.1}, ValueError, "scale must be a number, 0 or more"),
            ({"rotate": 181}, ValueError, "rotate must be a number, 0 or more and at most 180, not 181"),
            ({"learning_rate": -1}, ValueError, "learning_rate must be a number, 0 or more"),
            ({"learning_rate": np.inf}, ValueError, "learning_rate must be a number, 0 or more"),
            ({"seed": -1}, ValueError, "seed must be at least 0, not -1"),
            ({"seed": None}, TypeError, "seed must be a whole number, 0 or more, not None"),
            ({"seed": [1, 2]}, ValueError, "There are 1 objectives but 2 seeds"),
            ({"snapshots": [7]}, ValueError, "There is no step 7 to keep: there are 6"),
            ({"snapshots": [-1]}, ValueError, "snapshots must be at least 0, not -1"),
            ({"snapshots": 3}, ValueError, r"snapshots must be a list of steps, such as \[0, 6\], not 3"),
        ],
    )
    def test_out_of_range(self, wrong, error, words, model):
        with pytest.raises(error, match=words):
            maximize(channel(model, "deep", 3), **{**QUICK, **wrong})

    def test_no_objective(self, model):
        with pytest.raises(ValueError, match="There is no objective"):
            maximize([])
        with pytest.raises(TypeError, match=r"Expected objectives, .* not Sequential"):
            maximize(model)
        with pytest.raises(ValueError, match="These objectives read different models"):
            maximize([channel(model, "conv", 0), channel(toy(), "conv", 0)])

    def test_networks_that_take_no_picture(self):
        x = keras.Input((7,))
        numbers = keras.Model(x, layers.Dense(5, name="out")(x))
        with pytest.raises(ValueError, match=r"one input \(N, H, W, C\); this one takes \[\(None, 7\)\]"):
            maximize(channel(numbers, "out", 0))
        x, y = keras.Input((8, 8, 3)), keras.Input((8, 8, 3))
        two = keras.Model([x, y], layers.Add(name="sum")([x, y]))
        with pytest.raises(ValueError, match="Pictures can be drawn for networks with one input"):
            maximize(channel(two, "sum", 0))

    def test_no_gradient(self):
        x = keras.Input((8, 8, 3))
        whole = keras.Model(x, layers.Rescaling(1 / 255, name="scaled")(keras.ops.cast(x, "int32")))
        with pytest.raises(ValueError, match="No gradient leads from scaled back to the picture"):
            maximize(channel(whole, "scaled", 0), **QUICK)
