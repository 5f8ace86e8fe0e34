"""Every number that a network computes is the one that its terms give, by NumPy or by hand."""

import functools
import itertools
import re

import numpy as np
import pytest

from coursekit import activations, arithmetic, contribution_path, photo, squeezenet
from coursekit.networks.backend import keras
from coursekit.networks.graph import run, steps

L, ops = keras.layers, keras.ops


def agrees(found):
    """The terms give the network's number to 1e-4, and to float32's own rounding where large terms cancel."""
    size = sum(abs(term.product) for term in found.terms) + abs(found.bias)
    return abs(found.total - found.value) <= 1e-4 * abs(found.value) + (0 if found.multiplied else 1e-6 * size)


def spots(values, count, rng):
    """Return a corner, which sees padding, and places drawn among those that are not zero."""
    corner = (*(rng.choice([0, n - 1]) for n in values.shape[:-1]), rng.integers(values.shape[-1]))
    alive = np.argwhere(values)
    drawn = rng.choice(alive, count - 1) if len(alive) else []
    return [tuple(map(int, place)) for place in (corner, *drawn)]


def randomized(model, seed=0):
    """Give every weight a random value, statistics of batch normalization too, of a size that keeps numbers alive."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if weight.path.endswith(("variance", "gamma")):
            values = rng.uniform(0.5, 2, weight.shape)
        else:
            inputs = max(1, int(np.prod(weight.shape[:-1])))
            values = rng.normal(0, 0.3 if len(weight.shape) == 1 else (2 / inputs) ** 0.5, weight.shape)
        weight.assign(values)
    return model


# Whole networks

NETWORKS = {
    "squeezenet": (squeezenet, 227),
    "mobilenet": (lambda: keras.applications.MobileNetV2((64, 64, 3), weights=None), 64),
    "resnet": (lambda: keras.applications.ResNet50(weights=None, input_shape=(64, 64, 3)), 64),
    "densenet": (lambda: keras.applications.DenseNet121(weights=None, input_shape=(64, 64, 3)), 64),
}
MOST = 8  # layers of one type and network


@pytest.mark.parametrize("name", NETWORKS)
def test_every_kind_of_layer_gives_what_its_terms_give(name):
    make, size = NETWORKS[name]
    network = make() if name == "squeezenet" else randomized(make())
    picture = photo("chelsea", size).astype(np.float32)
    picture = picture if name == "squeezenet" else picture / 127.5 - 1
    everything, by_type, rng = steps(network), {}, np.random.default_rng(17)
    names = [step.name for step in everything]
    outputs = run(everything, [ops.convert_to_tensor(picture[np.newaxis], "float32")], names)  # uncompiled: sooner
    values = {name: np.asarray(output)[0] for name, output in zip(names, outputs, strict=True)}
    for step in everything:
        by_type.setdefault(type(step.operation).__name__, []).append(step)
    checked = 0
    for kind, several in by_type.items():
        for step in rng.permutation(np.array(several, object))[:MOST]:
            for place in spots(values[step.name], 3, rng):
                found = arithmetic(network, picture, step.name, *place, values=values)
                assert found.kind != "not taken apart", kind
                assert found.value == values[step.name][place]
                assert agrees(found), f"{found}, but {found.value} in the network"
                checked += 1
    assert checked > 60


# Layers of every kind, with random weights


def every_layer(x):
    """Return what layers and operations make of a tensor (13, 10, 4): even kernels, uneven steps, every padding."""
    convolutions = [
        L.Conv2D(6, kernel, **options)
        for kernel in (2, (4, 1))
        for options in (
            {"strides": 2, "padding": "same"},
            {"strides": (3, 2), "padding": "same", "activation": "relu"},
            {"dilation_rate": 2},
            {"dilation_rate": 3, "padding": "same"},
            {"groups": 2, "padding": "same", "activation": "softmax", "use_bias": False},
        )
    ]
    convolutions += [
        L.DepthwiseConv2D(2, strides=2, padding="same", depth_multiplier=2, activation="tanh"),
        L.SeparableConv2D(5, 3, strides=2, padding="same", depth_multiplier=3, activation="gelu"),
        L.Conv2DTranspose(3, 2, strides=3, padding="same"),
        L.Conv2DTranspose(3, 5, strides=2, padding="valid"),
        L.Conv2DTranspose(3, 5, strides=3, padding="same", output_padding=1),
        L.Conv2D(3, 3, activation=lambda x: x * x),
        L.Conv2D(3, 3, activation=L.ReLU(2.0)),
        L.Dense(7, activation="silu"),
    ]
    pools = (L.MaxPooling2D, L.AveragePooling2D)
    others = [pool(size, strides=2, padding=how) for pool in pools for size in (2, 3) for how in ("same", "valid")]
    others += [L.GlobalMaxPooling2D(), L.GlobalAveragePooling2D(keepdims=True)]
    others += [L.ZeroPadding2D(((1, 2), (3, 0))), L.Cropping2D(1), L.UpSampling2D((2, 3))]
    others += [L.Permute((2, 3, 1)), L.Flatten(), L.Reshape((26, 5, 4))]
    others += [L.BatchNormalization(), L.BatchNormalization(axis=1, scale=False), L.LayerNormalization()]
    others += [L.Rescaling(1 / 127.5, offset=-1), L.Rescaling([1, 2, 3, 4.0], offset=[0, 1, 2, 3.0])]
    means = {"mean": [1, 2, 3, 4.0], "variance": [1, 4, 9, 16.0]}
    others += [L.Normalization(**means), L.Normalization(**means, invert=True)]
    others += [L.PReLU(shared_axes=[1, 2]), L.LeakyReLU(), L.ELU(), L.Softmax(), L.Softmax(axis=1)]
    others += [L.ReLU(negative_slope=0.1, threshold=0.5, max_value=4), L.Activation("mish"), L.Activation("hard_silu")]
    others += [L.Dropout(0.5), L.SpatialDropout2D(0.5), L.GaussianNoise(0.5), L.Identity()]
    others += [L.Lambda(lambda x: x[..., ::-1] / 127.5 - 1), L.Lambda(lambda x: ops.abs(x) + 1)]
    relu, mean = L.ReLU(6)(x), L.GlobalAveragePooling2D()(x)
    merged = [L.Add()([x, x, relu]), L.Subtract()([x, relu]), L.Average()([x, relu]), L.Multiply()([x, mean])]
    merged += [L.Maximum()([x, relu]), L.Minimum()([relu, x]), L.Concatenate(axis=2)([x, relu, x])]
    merged += [x + 1, x * 2, 1 - x, x / 3, 2 / x, x + x, x * relu, x / (x * x + 1), ops.maximum(x, 0.3), -x]
    merged += [ops.relu(x), ops.silu(x), ops.softmax(x, axis=-1), ops.power(x, 2), ops.clip(x, 0, 1), ops.relu6(x)]
    merged += [x[:, 2:, ::2, :], x[..., ::-1], x[..., 1], ops.mean(x, axis=[1, 2]), ops.sum(x, axis=3)]
    merged += [ops.max(x, axis=(1, 2), keepdims=True), ops.mean(x, axis=-1, keepdims=True)]
    merged += [ops.transpose(x, (0, 2, 1, 3)), ops.reshape(x, (-1, 52, 10)), ops.concatenate([x, x * 2], axis=1)]
    inner = keras.Sequential([keras.Input((13, 10, 4)), L.Conv2D(4, 3, padding="same", name="shared")], name="inner")
    return [layer(x) for layer in convolutions + others] + merged + [inner(inner(x))]


def test_every_kind_of_layer_and_operation():
    x = keras.Input((13, 10, 4))
    network = randomized(keras.Model(x, every_layer(x)))
    rng = np.random.default_rng(5)
    picture = rng.normal(size=(13, 10, 4)).astype(np.float32)
    values = activations(network, picture)
    for step in steps(network):
        for place in spots(values[step.name], 2, rng):
            found = arithmetic(network, picture, step.name, *place, values=values)
            assert found.kind != "not taken apart", step.name
            assert agrees(found), f"{found}, but {found.value} in the network"
    assert {"inner/shared", "inner:2/shared"} <= {step.name for step in steps(network)}


# By hand

NUMBERS = np.arange(1, 10, dtype=np.float32).reshape(3, 3, 1)  # 1 2 3 / 4 5 6 / 7 8 9
TENS = np.array([[1, 10], [100, 1000]], np.float32)


def network_of(*layers, shape=(3, 3, 1)):
    """Return a network in which each layer gets the picture, and what gives one number of one of them."""
    x = keras.Input(shape, name="picture")
    return keras.Model(x, [layer(x) for layer in layers])


def assign(layer, *weights):
    layer.set_weights([np.reshape(one, now.shape) for one, now in zip(weights, layer.get_weights(), strict=True)])


def places(found):
    return [(term.place, term.product) for term in found.terms]


@functools.cache
def convolutions():
    layers = (
        L.Conv2D(1, 2, strides=2, padding="same", name="same"),
        L.Conv2D(1, 3, padding="same", name="thrice", activation="relu"),
        L.Conv2D(1, 2, dilation_rate=2, name="dilated"),
        L.Conv2DTranspose(1, 2, strides=2, name="transposed"),
    )
    network = network_of(*layers)
    for layer, values, bias in zip(layers, (TENS, -np.ones(9), TENS, TENS), (0.5, 10, 0, 0.25), strict=True):
        assign(layer, values, [bias])
    return network


@functools.cache
def pools():
    return network_of(
        L.MaxPooling2D(2, padding="same", name="max"),
        L.AveragePooling2D(2, padding="same", name="mean"),
        L.GlobalAveragePooling2D(name="all"),
    )


class TestConvolutions:
    def number(self, *place):
        return arithmetic(convolutions(), NUMBERS, *place)

    @pytest.mark.parametrize(
        ("place", "total"), [((0, 0), 1 + 20 + 400 + 5000), ((0, 1), 3 + 600), ((1, 0), 7 + 80), ((1, 1), 9)]
    )
    def test_an_even_kernel_with_steps_of_two_has_its_padding_behind(self, place, total):
        found = self.number("same", *place, 0)
        assert (found.value, found.total, found.bias) == (total + 0.5, total + 0.5, 0.5)

    def test_the_window(self):
        window = self.number("same", 0, 1, 0).window
        assert (window.rows.tolist(), window.columns.tolist(), window.channels.tolist()) == ([0, 1], [2, 3], [0])
        assert window.padding.tolist() == [[False, True], [False, True]]
        assert window.patch[..., 0].tolist() == [[3, 0], [6, 0]]
        assert window.kernel[..., 0].tolist() == TENS.tolist()

    def test_an_odd_kernel_has_padding_on_both_sides_and_the_activation_comes_last(self):
        found = self.number("thrice", 0, 0, 0)
        assert (found.before, found.activation, found.total, found.value) == (10 - 12, "relu", 0, 0)
        assert found.window.rows.tolist() == [-1, 0, 1]
        assert found.says == "-5 - 4 - 2 - 1 + 10 (bias) = -2; relu: 0"
        assert places(found) == [((1, 1, 0), -12)]

    def test_dilation_leaves_places_out(self):
        found = self.number("dilated", 0, 0, 0)
        assert found.total == found.value == 1 + 30 + 700 + 9000
        assert found.window.rows.tolist() == [0, 2]

    def test_a_transposed_one_puts_its_kernel_on_each_number(self):
        found = self.number("transposed", 3, 2, 0)
        assert found.total == found.value == 5 * 100 + 0.25
        assert places(found) == [((1, 1, 0), 500)]

    def test_one_term_for_each_input_channel_the_largest_first(self):
        layer = L.Conv2D(1, (1, 2), use_bias=False)
        network = network_of(layer, shape=(1, 2, 3))
        assign(layer, [[1, 2, -3], [0, 5, -1]])
        found = arithmetic(network, np.array([[[1, 2, 3], [4, 0.5, 6]]], np.float32), layer.name, 0, 0, 0)
        assert [(t.place, t.value, t.weight, t.product) for t in found.terms] == [
            ((0, 0, 2), 3, -3, -9 - 6),
            ((0, 0, 1), 2, 2, 4 + 2.5),
            ((0, 0, 0), 1, 1, 1),
        ]
        assert found.says == "-15 + 6.5 + 1 = -7.5"
        assert found.largest is found.terms[0]

    def test_depthwise_separable_and_groups(self):
        layers = L.DepthwiseConv2D(1, depth_multiplier=2), L.Conv2D(4, 1, groups=2), L.SeparableConv2D(1, 1)
        network = network_of(*layers, shape=(1, 1, 4))
        assign(layers[0], range(8), [0] * 8)
        assign(layers[1], range(8), [0] * 4)
        assign(layers[2], [1, 2, 3, 4], [5, 6, 7, 8], [1])
        picture = np.array([1, 10, 100, 1000], np.float32).reshape(1, 1, 4)
        depthwise = arithmetic(network, picture, layers[0].name, 0, 0, 5)  # the second of channel 2
        assert (places(depthwise), depthwise.says) == ([((0, 0, 2), 500)], "500 = 500")
        grouped = arithmetic(network, picture, layers[1].name, 0, 0, 2)  # of the second group
        assert places(grouped) == [((0, 0, 3), 6000), ((0, 0, 2), 200)]
        separable = arithmetic(network, picture, layers[2].name, 0, 0, 0)
        assert places(separable) == [((0, 0, 3), 32000), ((0, 0, 2), 2100), ((0, 0, 1), 120), ((0, 0, 0), 5)]
        assert separable.total == separable.value == 34226


class TestPooling:
    def test_the_largest_wins_and_padding_never_does(self):
        found = arithmetic(pools(), -NUMBERS, "max", 1, 0, 0)
        assert (found.value, found.total, found.largest.place) == (-7, -7, (2, 0, 0))
        assert [term.weight for term in found.terms] == [1, 0]
        assert found.says == "the largest of 2 numbers: -7, from picture (2, 0, 0)"
        assert arithmetic(pools(), 0 * NUMBERS, "max", 0, 0, 0).largest.place == (0, 0, 0)

    def test_an_average_counts_no_padding(self):
        found = arithmetic(pools(), NUMBERS, "mean", 0, 1, 0)
        assert (found.value, found.total, found.details) == (4.5, 4.5, {"counted": 2})
        assert found.says == "9 / 2 = 4.5, the average of 2 numbers"
        assert arithmetic(pools(), NUMBERS, "mean", 1, 1, 0).total == 9

    def test_a_global_average(self):
        found = arithmetic(pools(), NUMBERS, "all", 0)
        assert (found.total, found.details, found.largest.place) == (5, {"counted": 9}, (2, 2, 0))


class TestOthers:
    def test_batch_normalization(self):
        layer = L.BatchNormalization(epsilon=0.75)
        network = network_of(layer)
        assign(layer, 3, 1, 2, 3.25)
        found = arithmetic(network, NUMBERS, layer.name, 1, 2, 0)
        assert found.total == found.value == (6 - 2) / 2 * 3 + 1
        assert found.details == {"mean": 2, "variance": 3.25, "epsilon": 0.75, "gamma": 3, "beta": 1}
        assert found.says == "(6 - 2) / sqrt(3.25 + 0.75) * 3 + 1 = 7"

    def test_activations_by_themselves(self):
        network = network_of(
            L.ReLU(6.0, name="six"), L.LeakyReLU(0.25, name="leaky"), L.Activation("relu", name="relu")
        )
        found = arithmetic(network, NUMBERS, "six", 2, 2, 0)
        assert (found.kind, found.total, found.value) == ("activation", 6, 6)
        assert found.says == "9, from picture (2, 2, 0); relu6: 6"
        assert arithmetic(network, -NUMBERS, "leaky", 0, 1, 0).total == -0.5
        assert arithmetic(network, -NUMBERS, "relu", 0, 1, 0).says == "-2, from picture (0, 1, 0); relu: 0"

    def test_dense_with_a_softmax(self):
        layer = L.Dense(2, activation="softmax")
        network = network_of(layer, shape=(3,))
        assign(layer, [[1, 0], [2, 0], [0, 0]], [np.log(3) - 5, 0])
        found = arithmetic(network, {"picture": [1, 2, 7]}, layer.name, 0)
        assert found.total == pytest.approx(0.75, abs=1e-6)
        assert found.before == pytest.approx(np.log(3), abs=1e-6)
        np.testing.assert_allclose(found.along, [np.log(3), 0], atol=1e-6)
        assert places(found) == [((1,), 4), ((0,), 1), ((2,), 0)]
        assert found.box is None

    def test_a_concatenation_says_from_which_branch_and_channel(self):
        x = keras.Input((3, 3, 1), name="picture")
        twice = L.Concatenate(name="both")([x, L.Rescaling(10, name="tenfold")(x)])
        pair = [x, twice[..., 1:]]
        merges = L.Add(name="sum"), L.Subtract(name="less"), L.Average(name="mean"), L.Multiply(name="product")
        network = keras.Model(x, [twice, *(merge(pair) for merge in merges)])
        found = arithmetic(network, NUMBERS, "both", 1, 2, 1)
        assert (found.largest.layer, found.largest.place, found.total) == ("tenfold", (1, 2, 0), 60)
        assert found.says == "60, from tenfold (1, 2, 0)"
        added = arithmetic(network, NUMBERS, "sum", 1, 2, 0)
        assert ([term.product for term in added.terms], added.says) == ([60, 6], "60 + 6 = 66")
        for layer, says in (("less", "-60 + 6 = -54"), ("mean", "30 + 3 = 33"), ("product", "60 * 6 = 360")):
            merged = arithmetic(network, NUMBERS, layer, 1, 2, 0)
            assert (merged.says, merged.total) == (says, merged.value)

    def test_zeros_of_padding_come_from_nowhere(self):
        layer = L.ZeroPadding2D(1)
        network = network_of(layer)
        found = arithmetic(network, NUMBERS, layer.name, 0, 1, 0)
        assert (found.total, found.terms, found.largest, found.says) == (
            0,
            (),
            None,
            "0: nothing but padding comes in",
        )
        assert places(arithmetic(network, NUMBERS, layer.name, 1, 3, 0)) == [((0, 2, 0), 3)]

    def test_flattened_numbers_come_from_a_place(self):
        layer = L.Flatten()
        found = arithmetic(network_of(layer), NUMBERS, layer.name, 7)
        assert places(found) == [((2, 1, 0), 8)]

    def test_of_a_layer_without_a_rule_only_the_value_is_told(self):
        layer = L.UnitNormalization()
        network = network_of(layer, shape=(1, 1, 2))
        found = arithmetic(network, np.array([[[3, 4]]], np.float32), layer.name, 0, 0, 1)
        assert (found.kind, found.terms) == ("not taken apart", ())
        assert found.value == pytest.approx(0.8)
        assert np.isnan(found.total)
        assert found.says == "0.8. How this layer computes it is not known here: only its value is told"
        assert len(contribution_path(network, np.ones((1, 1, 2), np.float32), layer.name, 0, 0, 1)) == 1

    def test_a_subclass_with_a_call_of_its_own_is_not_taken_for_its_parent(self):
        class Doubled(L.Conv2D):
            def call(self, inputs):
                return 2 * super().call(inputs)

        layer = Doubled(1, 2)
        assert arithmetic(network_of(layer), NUMBERS, layer.name, 0, 0, 0).kind == "not taken apart"


class TestTheWayDown:
    def test_it_follows_the_largest_term_to_the_picture(self):
        network, picture = squeezenet(), photo("chelsea", 227)
        path = contribution_path(network, picture, "fire3-concat", 20, 30, 5)
        for above, below in itertools.pairwise(path):
            assert (below.layer, below.place) == (above.largest.layer, above.largest.place)
            assert below.value == pytest.approx(above.largest.value)
            (top, left, bottom, right), inner = above.box, below.box
            assert top <= inner[0] < inner[2] <= bottom
            assert left <= inner[1] < inner[3] <= right
        last = path[-1]
        assert last.kind == "input"
        assert last.value == picture[last.place]
        assert [one.kind for one in path if one.kind not in ("activation", "convolution")] == [
            "concatenation", "concatenation", "max pooling", "linear", "input"
        ]  # fmt: skip

    def test_shared_layers_say_which_call(self):
        shared = L.Conv2D(1, 1, name="shared", use_bias=False)
        x = keras.Input((3, 3, 1), name="picture")
        network = keras.Model(x, shared(shared(x)))
        assign(shared, 2)
        path = contribution_path(network, NUMBERS, "shared:2", 1, 1, 0)
        assert [(one.layer, one.value) for one in path] == [("shared:2", 20), ("shared", 10), ("picture", 5)]

    def test_a_dict_of_inputs_and_the_picture_that_a_number_depends_on(self):
        left, right = keras.Input((3, 3, 1), name="a"), keras.Input((3, 3, 1), name="b")
        network = keras.Model({"a": left, "b": right}, [L.MaxPooling2D(2, name="pool")(right), L.Add()([left, right])])
        path = contribution_path(network, {"a": NUMBERS, "b": -NUMBERS}, "pool", 0, 0, 0)
        assert [(one.layer, one.place, one.value) for one in path] == [
            ("pool", (0, 0, 0), -1),
            ("b", (0, 0, 0), -1),
        ]
        assert path[0].box == (0, 0, 2, 2)


def test_the_box_in_a_picture_of_any_size():
    layer = L.AveragePooling2D(2, strides=1)
    network = network_of(layer, shape=(None, None, 1))
    found = arithmetic(network, NUMBERS, layer.name, 1, 0, 0)
    assert (found.total, found.box) == ((4 + 5 + 7 + 8) / 4, (1, 0, 3, 2))


def test_the_table_can_be_read_aloud():
    layer = L.Conv2D(1, 1, name="mix>1", activation="relu")
    network = network_of(layer, shape=(1, 1, 20))
    assign(layer, np.arange(20), [5])
    found = arithmetic(network, np.ones((1, 1, 20), np.float32), layer.name, 0, 0, 0)
    table = found._repr_html_()
    assert (
        "<caption>mix&gt;1 (0, 0, 0), convolution: 19 + 18 + 17 + 136 (17 others) + 5 (bias) = 195; relu: 195" in table
    )
    assert table.count('<th scope="col">') == 5
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', table)
    assert [head for head, _ in rows] == ["picture"] * 12 + ["8 others", "bias", "together", "relu"]
    assert rows[0][1] == "<td>0, 0, 19</td><td>1</td><td>19</td><td>19</td>"
    assert rows[12][1].endswith("<td>28</td>")


def test_bad_input_is_told_what_is_possible():
    network = convolutions()
    with pytest.raises(ValueError, match=r"There is no layer 'smae'. Did you mean 'same'"):
        arithmetic(network, NUMBERS, "smae", 0, 0, 0)
    with pytest.raises(ValueError, match=r"'same' gives 2 x 2 x 1 numbers: a place in it is \(row, column, channel\)"):
        arithmetic(network, NUMBERS, "same", 0)
    with pytest.raises(ValueError, match=r"There is no row of 'same' 2: there are 2"):
        arithmetic(network, NUMBERS, "same", 2, 0, 0)
    with pytest.raises(TypeError, match=r"column of 'same' must be a whole number from 0 to 1, not 0.5"):
        arithmetic(network, NUMBERS, "same", 0, 0.5, 0)
    with pytest.raises(ValueError, match=r"A number is of one picture, and 2 came"):
        arithmetic(network, np.stack([NUMBERS] * 2), "same", 0, 0, 0)
